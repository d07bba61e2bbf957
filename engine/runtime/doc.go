// Package runtime starts containers and further programs in them. It does what an OCI runtime does (OCI runtime
// spec), without a process of its own.
//
// It never waits for the programs that it starts: it returns their pids, and its caller (the keeper) is their parent
// and reaps them.
//
// A process's way into a container is written down before the process exists, as a list of steps (steps.go): system
// calls with their arguments in a memory of their own, each with what its error means to a user. Then the keeper
// copies itself by clone(2). The copy has one thread, which carries out the list (run.c, in C, since nothing of Go
// may run in such a copy) and executes the container's program. In between it executes no file, parses no text and
// allocates no memory: a start is the kernel's work and little more. It reports a failure by the number of the step.
//
//   - The copy first closes the keeper's descriptors. It has nothing of Go's heap, which clone leaves out
//     (MADV_DONTFORK), as other containers' secrets would be in it.
//   - The kernel resolves a container's paths in the container's root (openat2(2), RESOLVE_IN_ROOT) to descriptors,
//     and mounts are made on those. What the kernel shows of itself (the host's /proc) is reached by a descriptor
//     from before.
//   - If all namespaces are new, the copy is the container's first process. User namespaces, and PID namespaces that
//     exist already, take a second one, which the first makes as its sibling (CLONE_PARENT).
//   - A process moves itself into its control groups by files that the keeper opened; on v2 it is made in its group.
//   - A further program's process enters everything but the PID namespace, and gives up all that the program will not
//     have (rights, filter, descriptors), before the process exists that the container can see.
//   - If the first process of a container joins another's PID namespace (--pid container:X), it can be seen from
//     there before it has dropped its rights: the kernel mounts a /proc only for the PID namespace of the process
//     that mounts it (the option pidns= came with Linux 6.17), and mounting takes the right to mount. Programs of X
//     without CAP_SYS_PTRACE cannot reach into it, since it has more rights than they; one with it can, as under
//     runc. Give SYS_PTRACE to a container only if whoever is in it may have the host, or let nobody join it.
//   - Nothing of the host's is open once the process has entered the container's root, and no plain call resolves a
//     path there but the program's: paths_test.go walks the steps of every kind of start, open_test.go stops after
//     each and looks.
package runtime
