// The process that will be a container's program is a copy of the keeper with one thread. It may call nothing of Go
// and no function of the C library. It makes system calls in the order that Go wrote down and decides only what this
// file decides.
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
#include "system.h"

#ifndef SYS_clone3
#define SYS_clone3 435
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif

extern char **environ;

// What the keeper was started with, noted before Go runs, which raises the limit for itself.
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

// fork_into calls clone(2) as fork(2) does, into a control group at once where the kernel can (clone3(2),
// CLONE_INTO_CGROUP).
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

// close_all closes a range of descriptors. Without close_range(2) it lists the open ones if the range has no end:
// there may be a thousand million numbers in it.
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

static long device(int fd, uint64_t number, mode_t kind)
{
	struct stat st;
	long r = sys(SYS_newfstatat, fd, (long)"", (long)&st, 0x1000, 0, 0);

	if (failed(r))
		return r;
	return (st.st_mode & S_IFMT) == kind && st.st_rdev == number ? 0 : -ENXIO;
}

static long is_free(int fd, int root)
{
	struct stat st, top;
	struct statfs fs;
	long r = sys(SYS_newfstatat, fd, (long)"", (long)&st, 0x1000, 0, 0);

	if (!failed(r))
		r = sys(SYS_newfstatat, root, (long)"", (long)&top, 0x1000, 0, 0);
	if (!failed(r) && st.st_dev == top.st_dev && st.st_ino == top.st_ino)
		r = -EBUSY;
	if (!failed(r))
		r = sys(SYS_fstatfs, fd, (long)&fs, 0, 0, 0, 0);
	if (!failed(r) && fs.f_type == 0x9fa0 /* PROC_SUPER_MAGIC */)
		r = -EXDEV;
	return r;
}

// end does not return, whatever a filter does with the calls.
__attribute__((noreturn)) static void end(int code)
{
	for (;;) {
		sys(SYS_exit_group, code, 0, 0, 0, 0, 0);
		sys(SYS_exit, code, 0, 0, 0, 0, 0);
		__builtin_trap();
	}
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
	end(0);
}

static long carry_out(struct box_step *s, uint64_t *a, int fd)
{
	switch (s->nr) {
	case BOX_FORK:
		return forked(a[0], (int)a[1], fd);
	case BOX_PLACE:
		return box_place((int)a[0], (char *)a[1], (int)a[2]);
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
		return device((int)a[0], a[1], (mode_t)a[2]);
	case BOX_FREE:
		return is_free((int)a[0], (int)a[1]);
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

	// No signal handler of Go may run in the copy.
	sys(SYS_rt_sigprocmask, SIG_SETMASK, (long)&all, (long)&old, 8, 0, 0);
	pid = fork_into(flags, group, &joined);
	if (pid == 0) {
		for (volatile char *p = environment; p < environment_end; p++)
			*p = 0; // it may have secrets in it
		reg[0] = joined;
		run(steps, n, reg, fd);
		end(255);
	}
	sys(SYS_rt_sigprocmask, SIG_SETMASK, (long)&old, 0, 8, 0, 0);
	return pid;
}
