// Opens paths of a container, which its image and its other processes may have filled with links, as if its root were
// the root of all.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "run.h"
#include "system.h"

#ifndef SYS_openat2
#define SYS_openat2 437
#endif

// join writes the three parts of a path to to, which has room for PATH_MAX bytes.
static long join(char *to, const char *parts[3], const long lengths[3])
{
	long n = 0;

	for (int i = 0; i < 3; i++) {
		if (n + lengths[i] >= PATH_MAX)
			return -ENAMETOOLONG;
		for (long j = 0; j < lengths[i]; j++)
			to[n++] = parts[i][j];
	}
	to[n] = 0;
	return 0;
}

static long length(const char *s)
{
	long n = 0;

	while (s[n])
		n++;
	return n;
}

// part opens one part of a path and follows no link.
static long part(int dir, const char *name, long n)
{
	char text[256];

	if (n >= (long)sizeof text)
		return -ENAMETOOLONG;
	for (long i = 0; i < n; i++)
		text[i] = name[i];
	text[n] = 0;
	return sys(SYS_openat, dir, (long)text, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0, 0, 0);
}

// walk is look before Linux 5.6, as fs/inroot in Go: it opens one part after the other. What it has walked has
// neither links nor ".." in it, so it can walk the path anew with a link's text in the link's place, or without the
// part before "..". It never leaves a folder upwards, wherever that is moved meanwhile.
static long walk(int root, const char *path, int real)
{
	static char texts[2][PATH_MAX], link[PATH_MAX];
	const char *p = path, *name, *last = path; // last is the part before name
	long fd = sys(SYS_fcntl, root, F_DUPFD_CLOEXEC, 3, 0, 0, 0), next, n;

	for (int links = 0, turn = 0; !failed(fd);) {
		const char *parts[3] = { path, link };
		long lengths[3] = { 0, 0 };

		while (*p == '/')
			p++;
		if (*p == 0)
			return fd;
		for (name = p; *p && *p != '/';)
			p++;
		n = p - name;
		if (name[0] == '.' && (n == 1 || (n == 2 && name[1] == '.'))) { // only in a folder
			next = sys(SYS_openat, fd, (long)".", O_PATH | O_DIRECTORY | O_CLOEXEC, 0, 0, 0);
			sys(SYS_close, fd, 0, 0, 0, 0, 0);
			fd = next;
			if (n == 1 || failed(fd))
				continue;
		}
		if (n == 2 && name[0] == '.' && name[1] == '.') {
			lengths[0] = last - path;
			sys(SYS_close, fd, 0, 0, 0, 0, 0);
		} else {
			next = part(fd, name, n);
			sys(SYS_close, fd, 0, 0, 0, 0, 0);
			if (failed(next))
				return next;
			lengths[1] = sys(SYS_readlinkat, next, (long)"", (long)link, sizeof link, 0, 0);
			if (lengths[1] == -ENOENT || lengths[1] == -EINVAL) { // no link
				fd = next;
				last = name;
				continue;
			}
			sys(SYS_close, next, 0, 0, 0, 0, 0);
			if (failed(lengths[1]))
				return lengths[1];
			if (real || ++links > 40)
				return -ELOOP;
			lengths[0] = *link == '/' ? 0 : name - path;
		}
		parts[2] = p;
		lengths[2] = length(p);
		fd = join(texts[turn], parts, lengths);
		path = p = last = texts[turn];
		turn = !turn;
		if (!failed(fd))
			fd = sys(SYS_fcntl, root, F_DUPFD_CLOEXEC, 3, 0, 0, 0);
	}
	return fd;
}

// look opens a path below root as if root were the root of all. If real, it refuses links.
static long look(int root, const char *path, int real)
{
	struct { uint64_t flags, mode, resolve; } how = { O_PATH | O_CLOEXEC, 0, 0x10 /* RESOLVE_IN_ROOT */ };
	long fd;

	if (real)
		how.resolve |= 0x04; // RESOLVE_NO_SYMLINKS
	// EAGAIN: something was renamed or mounted anywhere meanwhile, and there is ".." in the path (openat2(2)).
	for (int tries = 0; tries < 10000; tries++) {
		fd = sys(SYS_openat2, root, (long)path, (long)&how, sizeof how, 0, 0);
		if (fd != -EAGAIN)
			break;
		sys(SYS_sched_yield, 0, 0, 0, 0, 0, 0);
	}
	return fd == -ENOSYS ? walk(root, path, real) : fd;
}

// make makes what is missing on the way to path, and path itself. If a link that leads to nothing is in the way, it
// returns EEXIST and writes to longer the path with the link's text in the link's place.
static long make(int root, char *path, int kind, char *longer)
{
	static char link[PATH_MAX];
	long dir = look(root, "/", 0), fd, r;
	char *p = path, *name, c;

	while (!failed(dir)) {
		while (*p == '/')
			p++;
		if (*p == 0)
			return dir;
		name = p;
		while (*p && *p != '/')
			p++;
		c = *p;
		*p = 0; // path ends with this part for now
		fd = look(root, path, kind & BOX_REAL);
		if (fd == -ENOENT) {
			if (c == 0 && (kind & 3) == BOX_FILE) {
				r = sys(SYS_openat, dir, (long)name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644, 0, 0);
				if (!failed(r))
					sys(SYS_close, r, 0, 0, 0, 0, 0);
			} else {
				r = sys(SYS_mkdirat, dir, (long)name, 0755, 0, 0, 0);
			}
			// Another container may have made it meanwhile, in a volume that both have.
			fd = failed(r) && r != -EEXIST ? r : look(root, path, kind & BOX_REAL);
			r = fd == -ENOENT ? sys(SYS_readlinkat, dir, (long)name, (long)link, sizeof link, 0, 0) : -1;
			if (!failed(r)) {
				const char *parts[3] = { path, link, p };
				long lengths[3] = { *link == '/' ? 0 : name - path, r, 0 };

				*p = c;
				lengths[2] = length(p);
				r = join(longer, parts, lengths);
				fd = failed(r) ? r : -EEXIST;
			}
		}
		*p = c;
		sys(SYS_close, dir, 0, 0, 0, 0, 0);
		dir = fd;
	}
	return dir;
}

// box_place is look, but makes what is missing: folders, and at the end a folder or an empty file. It follows links
// that lead to nothing.
long box_place(int root, char *path, int kind)
{
	static char longer[2][PATH_MAX];
	long fd = look(root, path, kind & BOX_REAL);

	if ((kind & 3) == BOX_THERE)
		return fd;
	for (int links = 0; fd == -ENOENT && links < 40; links++) {
		longer[links & 1][0] = 0;
		fd = make(root, path, kind, longer[links & 1]);
		if (fd != -EEXIST || longer[links & 1][0] == 0)
			return fd;
		path = longer[links & 1];
		fd = look(root, path, kind & BOX_REAL);
	}
	return fd == -ENOENT ? -ELOOP : fd;
}
