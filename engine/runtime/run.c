// The process that is to become a container's program is a copy of the keeper with one thread: nothing of Go, and no function of the C
// library's, may be called in it. It makes system calls in the order that Go wrote down, and no decision of its own but those in this file.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include "run.h"

#ifndef SYS_clone3
#define SYS_clone3 435
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef SYS_openat2
#define SYS_openat2 437
#endif

#if defined(__x86_64__)
static long sys(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
	long r;

	__asm__ volatile("syscall" : "=a"(r) : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
	return r;
}
#elif defined(__aarch64__)
static long sys(long nr, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = nr, x0 __asm__("x0") = a, x1 __asm__("x1") = b, x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d, x4 __asm__("x4") = e, x5 __asm__("x5") = f;

	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
	return x0;
}
#else
#error "no system calls for this processor"
#endif

extern char **environ;

// What the keeper was started with, noted before anything of Go's runs, which raises the limit for itself.
static struct rlimit files;
static char *environment, *environment_end;

__attribute__((constructor)) static void note(void)
{
	getrlimit(RLIMIT_NOFILE, &files);
	for (char **e = environ; e && *e; e++) {
		char *end = *e + strlen(*e);

		if (!environment || *e < environment)
			environment = *e;
		if (end > environment_end)
			environment_end = end;
	}
}

uint64_t box_files(void) { return files.rlim_cur; }

static int failed(long r) { return r < 0 && r > -4096; }

// fork_into is clone(2) as fork(2) is, into a control group at once where the kernel can (clone3(2), CLONE_INTO_CGROUP).
static long fork_into(unsigned long flags, int group, int64_t *joined)
{
	uint64_t args[11] = { flags | 0x200000000ULL, 0, 0, 0, flags & CLONE_PARENT ? 0 : SIGCHLD, 0, 0, 0, 0, 0, (uint64_t)group };
	long pid = -1;

	*joined = 1;
	if (group >= 0)
		pid = sys(SYS_clone3, (long)args, sizeof args, 0, 0, 0, 0);
	if (failed(pid)) {
		*joined = 0;
		pid = sys(SYS_clone, (long)(flags | SIGCHLD), 0, 0, 0, 0, 0);
	}
	return pid;
}

static void report(int fd, int32_t what, int32_t value)
{
	int32_t pair[2] = { what, value };

	sys(SYS_write, fd, (long)pair, sizeof pair, 0, 0, 0);
}

// join writes the three parts of a path to to, which has room for PATH_MAX.
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

// part opens one part of a path, and follows no link.
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

// walk is look before Linux 5.6: one part after the other. What has been walked has neither links nor ".." in it, so that a path can be walked anew
// with what a link says in the link's place, or without the part before "..": no folder is ever left upwards, wherever it is moved meanwhile.
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
		if (n == 1 && name[0] == '.')
			continue;
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

// look opens a path below root as if root were the root of all, without following links if real.
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

// make makes what is missing on the way to path, and path itself. If a link that leads to nothing is in the way, longer gets the path with what
// the link says in its place, and EEXIST is the result.
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
			fd = failed(r) ? r : look(root, path, kind & BOX_REAL);
			r = fd == -EEXIST ? sys(SYS_readlinkat, dir, (long)name, (long)link, sizeof link, 0, 0) : -1;
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

// place is look, and makes what is missing: folders, and at the end a folder or an empty file. Links that lead to nothing are followed.
static long place(int root, char *path, int kind)
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

static long decimal(char *to, uint64_t n)
{
	char digits[20];
	int i = 0;

	do
		digits[i++] = '0' + n % 10;
	while (n /= 10);
	while (i > 0)
		*to++ = digits[--i];
	*to = 0;
	return 0;
}

static long mode(int fd, char *to)
{
	struct stat st;
	long r = sys(SYS_newfstatat, fd, (long)"", (long)&st, 0x1000, 0, 0);

	if (failed(r))
		return r;
	for (int i = 0; i < 4; i++)
		to[i] = '0' + (st.st_mode >> (9 - 3 * i) & 7);
	return 0;
}

static long executable(const char *path)
{
	struct stat st;
	long r = sys(SYS_newfstatat, AT_FDCWD, (long)path, (long)&st, 0, 0, 0);

	if (failed(r))
		return r;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	return sys(SYS_faccessat, AT_FDCWD, (long)path, 1 /* X_OK */, 0, 0, 0); // the real ids are the effective ones here
}

// close_all leaves out what is open already only if it is asked for a range without an end: there may be a thousand million numbers in it.
static long close_all(uint64_t first, uint64_t last)
{
	static char entries[4096];
	long r = sys(SYS_close_range, first, last, 0, 0, 0, 0), dir, n;

	if (r != -ENOSYS)
		return r;
	// Before Linux 5.9.
	if (last < INT_MAX) {
		for (; first <= last; first++)
			sys(SYS_close, first, 0, 0, 0, 0, 0);
		return 0;
	}
	dir = sys(SYS_openat, AT_FDCWD, (long)"/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, 0, 0);
	if (failed(dir))
		return dir;
	while ((n = sys(SYS_getdents64, dir, (long)entries, sizeof entries, 0, 0, 0)) > 0) {
		for (long at = 0; at < n; at += *(uint16_t *)(entries + at + 16)) { // struct linux_dirent64
			uint64_t fd = 0;

			for (const char *c = entries + at + 19; *c; c++)
				fd = *c >= '0' && *c <= '9' ? 10 * fd + (uint64_t)(*c - '0') : 0;
			if (fd >= first && fd != (uint64_t)dir)
				sys(SYS_close, (long)fd, 0, 0, 0, 0, 0);
		}
	}
	sys(SYS_close, dir, 0, 0, 0, 0, 0);
	return n;
}

static long default_signals(void)
{
	uint64_t zero[4] = { 0 }; // struct kernel_sigaction: SIG_DFL

	for (int s = 1; s <= 64; s++)
		sys(SYS_rt_sigaction, s, (long)zero, 0, 8, 0, 0);
	return sys(SYS_rt_sigprocmask, SIG_SETMASK, (long)zero, 0, 8, 0, 0);
}

static long mount_flags(int fd)
{
	struct statfs st;
	long r = sys(SYS_fstatfs, fd, (long)&st, 0, 0, 0, 0);

	return failed(r) ? r : (long)(st.f_flags & (1 | 2 | 4 | 8)); // ST_RDONLY, ST_NOSUID, ST_NODEV, ST_NOEXEC are MS_*
}

static long device(int fd, uint64_t number)
{
	struct stat st;
	long r = sys(SYS_newfstatat, fd, (long)"", (long)&st, 0x1000, 0, 0);

	if (failed(r))
		return r;
	return S_ISCHR(st.st_mode) && st.st_rdev == number ? 0 : -ENXIO;
}

static long forked(unsigned long flags, int group, int fd)
{
	int64_t joined;
	long pid = fork_into(flags, group, &joined);

	if (failed(pid))
		return pid;
	if (pid == 0)
		return joined;
	report(fd, BOX_FORKED, (int32_t)pid);
	sys(SYS_exit_group, 0, 0, 0, 0, 0, 0);
	return 0;
}

static long carry_out(struct box_step *s, uint64_t *a, int fd)
{
	switch (s->nr) {
	case BOX_FORK:
		return forked(a[0], (int)a[1], fd);
	case BOX_PLACE:
		return place((int)a[0], (char *)a[1], (int)a[2]);
	case BOX_DECIMAL:
		return decimal((char *)a[0], a[1]);
	case BOX_MODE:
		return mode((int)a[0], (char *)a[1]);
	case BOX_EXECUTABLE:
		return executable((char *)a[0]);
	case BOX_STORE:
		*(int32_t *)a[0] = (int32_t)a[1];
		return 0;
	case BOX_ABSOLUTE:
		return *(char *)a[0] == '/' ? 0 : -ENOENT;
	case BOX_CLOSE:
		return close_all(a[0], a[1]);
	case BOX_TEST:
		return a[0] ? 0 : -EAGAIN;
	case BOX_SIGNALS:
		return default_signals();
	case BOX_OR:
		return (long)(a[0] | a[1]);
	case BOX_FLAGS:
		return mount_flags((int)a[0]);
	case BOX_DEVICE:
		return device((int)a[0], a[1]);
	}
	return sys(s->nr, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static void run(struct box_step *steps, int n, int64_t *reg, int fd)
{
	uint64_t a[6];

	for (int i = 0; i < n; i++) {
		struct box_step *s = &steps[i];
		long r;

		for (int j = 0; j < 6; j++)
			a[j] = s->regs >> j & 1 ? (uint64_t)reg[s->arg[j]] : s->arg[j];
		r = carry_out(s, a, fd);
		if (s->out >= 0)
			reg[s->out] = r;
		if (!failed(r)) {
			i += s->skip_ok;
			continue;
		}
		for (int j = 0;; j++) {
			if (j == 3) {
				report(fd, i, (int32_t)-r);
				return;
			}
			if (s->pass[j] == -r || s->pass[j] == BOX_ANY)
				break;
		}
		i += s->skip_pass;
	}
}

long box_run(struct box_step *steps, int n, int64_t *reg, unsigned long flags, int group, int fd)
{
	uint64_t all = ~0ULL, old;
	int64_t joined;
	long pid;

	// No handler of Go's may run in the copy.
	sys(SYS_rt_sigprocmask, SIG_SETMASK, (long)&all, (long)&old, 8, 0, 0);
	pid = fork_into(flags, group, &joined);
	if (pid == 0) {
		for (volatile char *p = environment; p < environment_end; p++)
			*p = 0; // it may have secrets in it
		reg[0] = joined;
		run(steps, n, reg, fd);
		sys(SYS_exit_group, 255, 0, 0, 0, 0, 0);
	}
	sys(SYS_rt_sigprocmask, SIG_SETMASK, (long)&old, 0, 8, 0, 0);
	return pid;
}
