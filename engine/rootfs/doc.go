// Package rootfs mounts the roots of containers, once each however many use them, and creates what every root needs.
//
// A container's program, cp, export and commit share one mount and are counted (roots.go). The files of a running
// container are accessed through /proc/PID/root. Those of a stopped one are accessed through its root with its volumes
// and binds mounted over it, in a mount namespace that exists only for the request (fs/mount, Apart and Clone). Paths
// are resolved in that root (fs/inroot). After that, only open folders and files are used (fs/archive, Packer and
// Extract), so a program that replaces links meanwhile leads nowhere outside. Sizes, times in nanoseconds, holes,
// links, attributes and devices are preserved in both directions.
package rootfs
