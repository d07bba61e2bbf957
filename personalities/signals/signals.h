enum { BOX_SIGNALS = 64 }; // the last signal of Linux

// box_signals_own tells a signal that is about this process itself: the Go runtime's, the C library's, a broken output, or the terminal's.
int box_signals_own(int s);

// box_signals_start has the number of every signal written to fd, which does not block, but those that are the process's own. It returns an errno.
int box_signals_start(int fd);

// box_signals_stop puts back what was there, up to signal last.
void box_signals_stop(int last);
