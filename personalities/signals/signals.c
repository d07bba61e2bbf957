#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "signals.h"

// What a handler may read: set before the first is in place, and left there after the last.
static int out;
static void (*before_urg)(int, siginfo_t *, void *);
static struct sigaction before[BOX_SIGNALS + 1];

static void caught(int s, siginfo_t *info, void *context)
{
	unsigned char number = s;
	int was = errno;

	(void)info, (void)context;
	if (write(out, &number, 1) < 0) { // a full pipe has enough of them
	}
	errno = was;
}

// A mistake of this program is Go's; the same signal sent by another process (si_code, sigaction(2)) is like any other.
static void fault(int s, siginfo_t *info, void *context)
{
	if (info->si_code > 0)
		before_urg(s, info, context);
	else
		caught(s, info, context);
}

static int mistake(int s)
{
	return s == SIGILL || s == SIGTRAP || s == SIGBUS || s == SIGFPE || s == SIGSEGV || s == SIGSTKFLT || s == SIGSYS;
}

int box_signals_own(int s)
{
	switch (s) {
	case SIGKILL: case SIGSTOP: // nobody's
	case SIGCHLD: case SIGPIPE: case SIGWINCH: case SIGTTIN: case SIGTTOU:
	case SIGURG: case SIGPROF: // the Go runtime's
		return 1;
	}
	return s >= 32 && s < SIGRTMIN; // the C library's
}

int box_signals_start(int fd)
{
	struct sigaction a;

	// Go has always a handler for this one: its stack and its mask are right for ours.
	if (sigaction(SIGURG, NULL, &a) != 0)
		return errno;
	out = fd;
	before_urg = a.sa_sigaction;
	for (int s = 1; s <= BOX_SIGNALS; s++) {
		if (box_signals_own(s))
			continue;
		a.sa_sigaction = mistake(s) ? fault : caught;
		if (sigaction(s, &a, &before[s]) != 0) {
			int failed = errno;

			box_signals_stop(s - 1);
			return failed;
		}
	}
	return 0;
}

void box_signals_stop(int last)
{
	for (int s = 1; s <= last; s++)
		if (!box_signals_own(s))
			sigaction(s, &before[s], NULL);
}
