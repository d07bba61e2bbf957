// What a process does on its way from the keeper to a container's program: steps.go fills it in, run.c carries it
// out.
#include <stdint.h>

struct box_step {
	int32_t nr;        // system call, or one of enum box_op
	int32_t out;       // register for the result, -1 for none
	uint64_t arg[6];
	uint32_t regs;     // bit i: arg[i] is the number of a register
	int32_t pass[3];   // errors that do not end the start; 0 is none, BOX_ANY is all
	int32_t skip_pass; // how many steps to skip after such an error
	int32_t skip_ok;   // and after success
};

enum { BOX_ANY = 4096 };

// Operations that take more than one system call. They return what system calls do: -errno for an error.
enum box_op {
	BOX_FORK = -1,       // (flags, folder of a cgroup or -1): continues in the child, 1 if it was made there
	BOX_PLACE = -2,      // (root, path, kind): an O_PATH descriptor of path in root
	BOX_DECIMAL = -3,    // (memory, number): its digits, ended by 0
	BOX_MODE = -4,       // (descriptor, memory): four octal digits of its mode
	BOX_EXECUTABLE = -5, // (path): whether this process may execute the file
	BOX_STORE = -6,      // (memory, number): 32 bits
	BOX_ABSOLUTE = -7,   // (memory): ENOENT unless it begins with a slash
	BOX_CLOSE = -8,      // (first, last): these descriptors
	BOX_TEST = -9,       // (number): EAGAIN for 0
	BOX_SIGNALS = -10,   // sets every signal to its default and blocks none
	BOX_OR = -11,        // (number, number)
	BOX_FLAGS = -12,     // (descriptor): nosuid, nodev and noexec of its mount, as mount(2) names them
	BOX_DEVICE = -13,    // (descriptor, number, S_IFCHR or another kind): ENXIO unless it is that device
	BOX_FREE = -14,      // (descriptor, root): EBUSY if it is the root, EXDEV if it is on a proc file system
};

// Kinds of BOX_PLACE: what it makes where nothing exists. BOX_REAL refuses symbolic links on the way.
enum { BOX_THERE = 0, BOX_FOLDER = 1, BOX_FILE = 2, BOX_REAL = 4 };

// box_place is BOX_PLACE.
long box_place(int root, char *path, int kind);

// Reports, written as pairs: the number of a step and its errno, or one of these and a value.
enum { BOX_FORKED = -1, BOX_READY = -2 };

// box_run starts a process that carries out the steps, by clone(2) with flags, in the control group of the open
// folder group unless that is -1. It returns the process's number, or -errno.
long box_run(struct box_step *steps, int n, int64_t *reg, unsigned long flags, int group, int fd);

// box_files returns how many open files this process was allowed when it started; Go allows itself more.
uint64_t box_files(void);
