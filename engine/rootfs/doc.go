// Package rootfs mounts the roots of containers, once each however many use them, and makes what every root has.
//
// A container's root is mounted once: its program, cp, export and commit share that mount and count themselves
// (roots.go). The files of a running container are reached through /proc/PID/root, those of a resting one through its
// root with its volumes and binds mounted over it in a mount namespace that exists for the request alone (fs/mount,
// Apart and Clone). Paths are resolved in that root (fs/inroot); from there everything goes by open folders and open
// files (fs/archive, Packer and Extract), so a program that swaps links meanwhile leads nothing outside. Sizes, times
// to the nanosecond, holes, links, attributes and devices survive both ways.
package rootfs
