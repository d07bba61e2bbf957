// Package runc runs containers with runc's libcontainer, which is used only here.
//
// libcontainer stores a file for each container in the exec root, which is read again for each call. Nothing is kept in
// memory, so another process can take over with that file. Limits, counters, signals to all processes and freezing are
// done by engine/cgroup as for the other runtime, since control groups belong to the kernel.
//
// libcontainer executes our file as the first process of a container, as box init, which is the only init function of
// the tree. To make it execute this very build without copying the file at each start, the keeper continues as a copy
// of itself in memory before its first start with runc (engine/keeper/seal.go). Seccomp filters are compiled by
// engine/seccomp, which replaces libseccomp (engine/seccomp/libseccomp, by a replace in go.mod), because that takes 30
// ms for each start.
package runc
