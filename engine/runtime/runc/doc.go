// Package runc makes containers by runc's libcontainer, of which it is the one home.
//
// What libcontainer keeps of a container is a file below a folder of ours, and is read anew for each call: the caller
// holds nothing in memory, and a process that takes over goes on by the same file. Limits of running containers, their
// processes and what the kernel counts are read and written by engine/cgroup, as for every runtime: the groups are the
// kernel's, whoever made them.
//
// Limits, counts, signals to all and freezing are engine/cgroup's under both, since the groups are the kernel's.
// libcontainer keeps a file of each container in the exec root, which is read anew for each exec. It executes our file
// as the container's first process, box init, which is the one init function of the tree; so that it does so by this
// very build, and need not copy the file for each start, the keeper goes on in a copy of itself in memory before the
// first start by runc (engine/keeper/seal.go). Its filters of system calls are compiled by engine/seccomp, which
// stands in for libseccomp (engine/seccomp/libseccomp, by a replace of go.mod): libseccomp takes 30 ms for each start.
package runc
