/*
 * probe, run in a container, says what it finds there, one thing a line: the kind, a tab, what it is. Then it waits for the end of its input or a line, so
 * that its control groups can be looked at from outside.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static const char *kind;

static void say(const char *format, ...)
{
	va_list list;

	printf("%s\t", kind);
	va_start(list, format);
	vprintf(format, list);
	va_end(list);
	putchar('\n');
}

/* lines copies those of a file that begin with one of the words, all without words. */
static void lines(const char *path, const char **words)
{
	char line[4096];
	FILE *f = fopen(path, "re");

	if (!f) {
		say("%s: error %d", path, errno);
		return;
	}
	while (fgets(line, sizeof line, f)) {
		int wanted = !words;

		line[strcspn(line, "\n")] = 0;
		for (const char **w = words; w && *w; w++)
			wanted |= !strncmp(line, *w, strlen(*w)) && line[strlen(*w)] == ':';
		if (wanted)
			say("%s", line);
	}
	fclose(f);
}

static void link_of(const char *name, const char *path)
{
	char to[4096];
	ssize_t n = readlink(path, to, sizeof to - 1);

	if (n < 0) {
		say("%s: error %d", name, errno);
		return;
	}
	to[n] = 0;
	say("%s %s", name, to);
}

static void identity(void)
{
	static const char *status[] = { "Umask", "Uid", "Gid", "Groups", "NSpid", "NSpgid", "NSsid", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb",
		"NoNewPrivs", "Seccomp", "Seccomp_filters", "Speculation_Store_Bypass", "SigBlk", "SigIgn", "SigCgt", "SigQ", "Threads", "TracerPid",
		"CoreDumping", "THP_enabled", "Cpus_allowed_list", "Mems_allowed_list", NULL };
	static const char *namespaces[] = { "cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts", NULL };
	char path[64], cwd[4096], label[256];
	struct utsname host;
	int fd;

	kind = "status";
	lines("/proc/self/status", status);
	kind = "prctl";
	say("dumpable %d", prctl(PR_GET_DUMPABLE));
	say("keepcaps %d", prctl(PR_GET_KEEPCAPS));
	say("securebits %d", prctl(PR_GET_SECUREBITS));
	say("subreaper %d", (prctl(PR_GET_CHILD_SUBREAPER, &fd), fd));
	say("death signal %d", (prctl(PR_GET_PDEATHSIG, &fd), fd));
	say("timer slack %d", prctl(PR_GET_TIMERSLACK));
	say("personality %x", personality(0xffffffff));
	say("scheduler %d nice %d io %ld", sched_getscheduler(0), getpriority(PRIO_PROCESS, 0), syscall(SYS_ioprio_get, 1, 0));
	kind = "namespace";
	for (const char **n = namespaces; *n; n++) {
		snprintf(path, sizeof path, "/proc/self/ns/%s", *n);
		link_of(*n, path);
	}
	kind = "ids";
	lines("/proc/self/uid_map", NULL);
	lines("/proc/self/gid_map", NULL);
	lines("/proc/self/setgroups", NULL);
	kind = "oom";
	lines("/proc/self/oom_score_adj", NULL);
	kind = "confined";
	fd = open("/proc/self/attr/current", O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, label, sizeof label - 1);
	label[n > 0 ? n : 0] = 0;
	say("%s", label);
	close(fd);
	kind = "host";
	uname(&host);
	say("%s %s", host.nodename, host.domainname);
	kind = "folder";
	say("%s", getcwd(cwd, sizeof cwd) ? cwd : "none");
	kind = "cgroup";
	lines("/proc/self/cgroup", NULL);
}

static void limits(void)
{
	kind = "limit";
	for (int i = 0; i < RLIM_NLIMITS; i++) {
		struct rlimit l;

		getrlimit(i, &l);
		say("%d %lld %lld", i, (long long)l.rlim_cur, (long long)l.rlim_max);
	}
}

static void keyring(void)
{
	char text[512];
	long ring = syscall(SYS_keyctl, 0 /* KEYCTL_GET_KEYRING_ID */, -3 /* KEY_SPEC_SESSION_KEYRING */, 0), n;

	kind = "keyring";
	if (ring < 0) {
		say("error %d", errno);
		return;
	}
	n = syscall(SYS_keyctl, 6 /* KEYCTL_DESCRIBE */, ring, text, sizeof text);
	say("%s", n < 0 ? strerror(errno) : text);
}

static void descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;

	kind = "descriptor";
	while (d && (e = readdir(d))) {
		int fd = atoi(e->d_name);
		char path[300];
		struct stat st;

		if (e->d_name[0] == '.' || fd == dirfd(d))
			continue;
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		fstat(fd, &st);
		say("%d type %o owner %d:%d flags %x", fd, st.st_mode & S_IFMT, st.st_uid, st.st_gid, fcntl(fd, F_GETFL) & ~O_LARGEFILE);
		if (S_ISCHR(st.st_mode))
			link_of(e->d_name, path);
	}
	if (d)
		closedir(d);
}

static void terminal(void)
{
	struct winsize size = { 0 };
	struct termios t;
	int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);

	kind = "terminal";
	say("control %d, error %d", fd >= 0, fd < 0 ? errno : 0);
	if (fd >= 0) {
		ioctl(fd, TIOCGWINSZ, &size);
		say("size %d %d", size.ws_row, size.ws_col);
		say("foreground %d", tcgetpgrp(fd) == getpgrp());
		if (!tcgetattr(fd, &t))
			say("modes %x %x %x %x", t.c_iflag, t.c_oflag, t.c_cflag, t.c_lflag);
		close(fd);
	}
	say("session leader %d, group leader %d", getsid(0) == getpid(), getpgrp() == getpid());
	fd = open("/dev/console", O_RDWR | O_NOCTTY | O_CLOEXEC);
	say("console %d, error %d", fd >= 0, fd < 0 ? errno : 0);
	if (fd >= 0)
		close(fd);
}

/* tree lists what is in a folder, and below it to a depth. */
static void tree(const char *path, int depth)
{
	struct dirent **list;
	int n = scandir(path, &list, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		char name[4096], to[4096] = "";
		struct stat st;
		const char *base = list[i]->d_name;

		if (!strcmp(base, ".") || !strcmp(base, ".."))
			continue;
		snprintf(name, sizeof name, "%s/%s", path, base);
		if (lstat(name, &st))
			continue;
		if (S_ISLNK(st.st_mode))
			to[readlink(name, to, sizeof to - 1)] = 0;
		say("%s %o %d:%d %d:%d %s", name, st.st_mode, st.st_uid, st.st_gid, major(st.st_rdev), minor(st.st_rdev), to);
		if (S_ISDIR(st.st_mode) && depth > 0)
			tree(name, depth - 1);
	}
}

static void hidden(int n, char **paths)
{
	kind = "path";
	for (int i = 0; i < n; i++) {
		struct stat st;
		char text[64];
		int fd, r, w, entries = 0;
		DIR *d;

		if (stat(paths[i], &st)) {
			say("%s error %d", paths[i], errno);
			continue;
		}
		fd = open(paths[i], O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		r = fd < 0 ? -errno : read(fd, text, sizeof text) > 0;
		if (S_ISDIR(st.st_mode)) {
			for (d = fd < 0 ? NULL : fdopendir(fd); d && readdir(d); entries++)
				;
			r = entries > 2;
			w = access(paths[i], W_OK) ? -errno : 1;
		} else {
			if (fd >= 0)
				close(fd);
			fd = open(paths[i], O_WRONLY | O_CLOEXEC | O_NONBLOCK);
			w = fd < 0 ? -errno : 1;
			if (fd >= 0)
				close(fd);
		}
		say("%s mode %o device %d:%d read %d write %d", paths[i], st.st_mode, major(st.st_rdev), minor(st.st_rdev), r, w);
	}
}

/* calls tries system calls that do no harm where they are let through: they fail otherwise, or change the process alone. */
static void calls(void)
{
	static const struct call { const char *name; long number, a, b, c; } list[] = {
		{ "acct", SYS_acct, 1 }, { "add_key", SYS_add_key, 0 }, { "bpf", SYS_bpf, -1 }, { "clone-newuser", SYS_clone, CLONE_NEWUSER | SIGCHLD },
		{ "clone3", 435, 0 }, { "finit_module", SYS_finit_module, -1 }, { "io_uring_setup", 425, 0, 0 }, { "kexec_load", SYS_kexec_load, -1, -1, 0 },
		{ "keyctl", SYS_keyctl, 0, -3, 0 }, { "mount", SYS_mount, 0 }, { "open_by_handle_at", SYS_open_by_handle_at, -1 },
		{ "perf_event_open", SYS_perf_event_open, 0 }, { "personality", SYS_personality, 0x1234 }, { "pivot_root", SYS_pivot_root, 0 },
		{ "setdomainname", SYS_setdomainname, 0, -1 }, { "sethostname", SYS_sethostname, 0, -1 }, { "setns", SYS_setns, -1 },
		{ "settimeofday", SYS_settimeofday, 1 }, { "swapon", SYS_swapon, 0 }, { "syslog", SYS_syslog, 99 }, { "umount", SYS_umount2, 0 },
		{ "unshare-newns", SYS_unshare, CLONE_NEWNS }, { "unshare-newuser", SYS_unshare, CLONE_NEWUSER }, { "userfaultfd", SYS_userfaultfd, -1 },
		{ "newest", 460, 0 }, { "none", 1000, 0 }, { "ptrace", SYS_ptrace, -1 }, { "chroot", SYS_chroot, 0 },
	};

	kind = "call";
	for (unsigned i = 0; i < sizeof list / sizeof *list; i++) {
		const struct call *c = &list[i];
		int state;
		fflush(stdout);
		pid_t pid = fork(), self;

		if (pid == 0) {
			self = getpid();
			long r = syscall(c->number, c->a, c->b, c->c, 0L, 0L);
			if (getpid() == self)
				say("%s %d", c->name, r == -1 ? errno : 0);
			fflush(stdout);
			_exit(0);
		}
		waitpid(pid, &state, 0);
		if (WIFSIGNALED(state))
			say("%s killed by %d", c->name, WTERMSIG(state));
	}
}

/* nodes tries to make devices and to open them, for what the control group lets it. */
static void nodes(void)
{
	static const struct node { const char *name; mode_t type; int major, minor; } list[] = {
		{ "null", S_IFCHR, 1, 3 }, { "mem", S_IFCHR, 1, 1 }, { "kmsg", S_IFCHR, 1, 11 }, { "fuse", S_IFCHR, 10, 229 }, { "tun", S_IFCHR, 10, 200 },
		{ "loop-control", S_IFCHR, 10, 237 }, { "loop0", S_IFBLK, 7, 0 }, { "ram0", S_IFBLK, 1, 0 },
	};

	kind = "node";
	for (unsigned i = 0; i < sizeof list / sizeof *list; i++) {
		char path[64];
		int made, fd, error;

		snprintf(path, sizeof path, "/tmp/node-%s", list[i].name);
		unlink(path);
		made = mknod(path, list[i].type | 0600, makedev(list[i].major, list[i].minor)) ? errno : 0;
		fd = made ? -1 : open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
		error = fd < 0 && !made ? errno : 0;
		if (fd >= 0)
			close(fd);
		unlink(path);
		say("%s made %d opened %d", list[i].name, made, error);
	}
}

int main(int argc, char **argv)
{
	char end;

	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	identity();
	limits();
	keyring();
	descriptors();
	terminal();
	kind = "mount";
	lines("/proc/self/mountinfo", NULL);
	kind = "dev";
	tree("/dev", 1);
	kind = "groups";
	tree("/sys/fs/cgroup", 0);
	kind = "root";
	tree("", 0);
	hidden(argc - 1, argv + 1);
	kind = "variable";
	for (char **e = environ; *e; e++)
		say("%s", *e);
	kind = "argument";
	say("%s", argv[0]);
	nodes();
	calls();
	puts("end");
	fflush(stdout);
	read(0, &end, 1);
	return 42;
}
