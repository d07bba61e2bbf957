/*
 * probe, run in a container, tries what a confined program must not be able to do and says how that went.
 *   probe calls     each system call below, one a line: its name and the error, 0 for none
 *   probe ids       real and effective user, and whether more can be had (setuid(2) to 0)
 *   probe exe SIZE  hold on to every program of another process that has that many bytes and try to write to its file
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_clone3
#define SYS_clone3 435
#endif
#ifndef SYS_io_uring_setup
#define SYS_io_uring_setup 425
#endif

/* Arguments are such that a call which is let through does no harm: it fails otherwise, or changes the process alone. */
static const struct call {
	const char *name;
	long number, a, b, c;
} calls[] = {
	{"acct", SYS_acct, 0}, {"add_key", SYS_add_key, 0}, {"bpf", SYS_bpf, -1}, {"clone-newuser", SYS_clone, CLONE_NEWUSER | SIGCHLD},
	{"clone3", SYS_clone3, 0}, {"delete_module", SYS_delete_module, 0}, {"finit_module", SYS_finit_module, -1},
	{"init_module", SYS_init_module, 0}, {"io_uring_setup", SYS_io_uring_setup, 0, 0}, {"kexec_load", SYS_kexec_load, -1, -1, 0},
	{"keyctl", SYS_keyctl, 0, -3, 0}, {"lookup_dcookie", SYS_lookup_dcookie, 0}, {"mount", SYS_mount, 0},
	{"move_pages", SYS_move_pages, -1, 0, 0}, {"open_by_handle_at", SYS_open_by_handle_at, -1}, {"perf_event_open", SYS_perf_event_open, 0},
	{"personality", SYS_personality, 0x1234}, {"pivot_root", SYS_pivot_root, 0}, {"quotactl", SYS_quotactl, -1}, {"request_key", SYS_request_key, 0},
	{"setdomainname", SYS_setdomainname, 0}, {"setns", SYS_setns, -1}, {"settimeofday", SYS_settimeofday, 1}, {"swapon", SYS_swapon, 0},
	{"syslog", SYS_syslog, 99}, {"umount", SYS_umount2, 0}, {"unshare-newns", SYS_unshare, CLONE_NEWNS},
	{"unshare-newuser", SYS_unshare, CLONE_NEWUSER}, {"userfaultfd", SYS_userfaultfd, -1}, {"vhangup", SYS_vhangup},
	{"getpid", SYS_getpid}, {"getcwd", SYS_getcwd, 0},
};

static void try_calls(void)
{
	for (unsigned i = 0; i < sizeof calls / sizeof *calls; i++) {
		const struct call *c = &calls[i];
		fflush(stdout);
		pid_t pid = fork();
		if (pid == 0) {
			pid_t self = getpid();
			long r = syscall(c->number, c->a, c->b, c->c, 0L, 0L);
			if (getpid() == self)
				printf("%s %d\n", c->name, r == -1 ? errno : 0);
			fflush(stdout);
			_exit(0);
		}
		waitpid(pid, NULL, 0);
	}
}

static void try_write(int fd)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	int w = open(path, O_WRONLY);
	if (w < 0)
		printf("not opened: %s\n", strerror(errno));
	else
		printf(write(w, "spoilt", 6) < 0 ? "not written: %s\n" : "written\n", strerror(errno));
	if (w >= 0)
		close(w);
	fflush(stdout);
}

static void try_exe(long size)
{
	char path[300];
	int left = 10, found = -1;
	while (left > 0) {
		DIR *d = opendir("/proc");
		for (struct dirent *e; d && (e = readdir(d));) {
			struct stat st;
			if (e->d_name[0] < '1' || e->d_name[0] > '9')
				continue;
			snprintf(path, sizeof path, "/proc/%s/exe", e->d_name);
			if (found < 0 && stat(path, &st) == 0 && st.st_size == size)
				found = open(path, O_RDONLY | O_CLOEXEC);
			if (found >= 0)
				break;
		}
		if (d)
			closedir(d);
		if (found >= 0) {
			try_write(found);
			left--;
			usleep(50000);
		}
	}
	puts("done");
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "calls") == 0) {
		try_calls();
	} else if (argc > 1 && strcmp(argv[1], "ids") == 0) {
		printf("%d %d ", getuid(), geteuid());
		puts(setuid(0) == 0 ? "root" : "stays");
	} else if (argc > 2 && strcmp(argv[1], "exe") == 0) {
		try_exe(atol(argv[2]));
	} else {
		return 2;
	}
	return 0;
}
