// Package runtime starts containers and further programs in them: what an OCI runtime does (OCI runtime spec), without
// a process of its own.
//
// It never waits for the programs that it starts: their pids are returned, and whoever called (the keeper)
// is their parent and reaps them.
//
// The way of a process into a container is
// written down before the process exists, as a list of steps (steps.go): system calls with their arguments in a memory
// of their own, each with what its error would mean to a user. Then the keeper makes a copy of itself by clone(2), one
// thread that carries the list out (run.c, in C, since nothing of Go may run in such a copy), and executes the
// container's program. Between the keeper and the program no file is executed, no text is parsed and no memory is
// allocated: a start is the kernel's work and little more. What fails is reported as the number of a step.
//
//   - The copy has none of the keeper's descriptors, which is the first step, and none of Go's heap, which clone
//     leaves out (MADV_DONTFORK): other containers' secrets would be in it.
//   - Paths of a container are resolved by the kernel in the container's root (openat2(2), RESOLVE_IN_ROOT) to
//     descriptors, and mounts are made on those. What the kernel shows of itself (/proc of the host's) is held by a
//     descriptor from before.
//   - Where all namespaces are made anew, the copy is the container's first process. User namespaces, and PID
//     namespaces that exist, take a second one, made by the first as its sibling (CLONE_PARENT).
//   - A process moves itself into its control groups by files that the keeper opened; on v2 it is made in its group.
//   - A further program enters everything but the PID namespace, and gives up all that it will not have (rights,
//     filter, descriptors), before the process exists that the container can see.
//   - The first process of a container that joins another's PID namespace (--pid container:X) can be seen from there
//     before it has dropped its rights: the kernel mounts a /proc only for the PID namespace of who mounts it (the
//     option pidns= came with Linux 6.17), and mounting takes the right to mount. Programs of X without
//     CAP_SYS_PTRACE cannot reach into it, since it may more than they; one with it can, as under runc. Give
//     SYS_PTRACE to a container only if whoever is in it may have the host, or let nobody join it.
//   - Nothing of the host's is open once the container's root was entered, and no path is resolved there by a plain
//     call but the program's: paths_test.go walks the steps of every kind of start, open_test.go stops after each
//     and looks.
package runtime
