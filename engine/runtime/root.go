package runtime

import (
	"fmt"
	"path"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"box/fs/mount"
)

// root is a container's root while it is being made: the process sees the host's files at "/" and reaches this
// root by a descriptor.
type root struct {
	*steps
	fd    register
	users bool // in a user namespace of its own
	label string
	trees map[string]register // sources of binds that were opened before the user namespace was entered
}

// enterRoot separates the new mount namespace from the host's and opens the container's root in it.
//
// The host's mounts still reach it (slave) unless the spec says otherwise. The mount that the root lies on must not be
// shared, or pivot_root(2) would refuse it and the bind would be seen on the host.
func (s *steps) enterRoot(spec *specs.Spec) error {
	propagation := mount.Parse([]string{spec.Linux.RootfsPropagation}).Propagation
	above := uintptr(unix.MS_PRIVATE)
	if propagation&unix.MS_SLAVE != 0 {
		above = unix.MS_SLAVE
	}
	if propagation == 0 {
		propagation = unix.MS_SLAVE | unix.MS_REC
	}
	s.mount("separate the mounts from the host's", cstring(""), cstring("/"), "", propagation, cstring(""))
	if err := s.leaveRamRoot(); err != nil {
		return err
	}
	done := &label{}
	for p := path.Clean(spec.Root.Path); ; p = path.Dir(p) {
		call := s.mount("separate the root's mount", cstring(""), cstring(p), "", above, cstring("")).then(done)
		if p == "/" {
			break
		}
		call.tolerate(unix.EINVAL) // not a mount point
	}
	s.mark(done)
	s.mount("bind the root", cstring(spec.Root.Path), cstring(spec.Root.Path), "bind", unix.MS_BIND|unix.MS_REC,
		cstring(""))
	return nil
}

// mount appends a call of mount(2).
func (s *steps) mount(what string, source, target operand, kind string, flags uintptr, data operand) *step {
	return s.do(what, unix.SYS_MOUNT, source, target, cstring(kind), value(flags), data)
}

// openRoot opens the container's root.
func (s *steps) openRoot(spec *specs.Spec) register {
	return s.open("open the root", unix.SYS_OPENAT, current, cstring(spec.Root.Path),
		value(unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC))
}

// pivot makes the container's root the root of the mount namespace and unmounts the host's.
func (r *root) pivot(spec *specs.Spec) {
	old := r.open("open the host's root", unix.SYS_OPENAT, current, cstring("/"),
		value(unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC))
	r.do("enter the root", unix.SYS_FCHDIR, r.fd)
	// This leaves the old root on top of the new one (pivot_root(2), NOTES).
	r.do("pivot_root", unix.SYS_PIVOT_ROOT, cstring("."), cstring("."))
	r.do("enter the host's root", unix.SYS_FCHDIR, old)
	r.release(old)
	// Otherwise unmounting would reach the host.
	r.mount("separate the host's root", cstring(""), cstring("."), "", unix.MS_SLAVE|unix.MS_REC, cstring(""))
	r.do("leave the host's root", unix.SYS_UMOUNT2, cstring("."), value(unix.MNT_DETACH))
	r.do("enter the root", unix.SYS_CHDIR, cstring("/"))
	propagation := mount.Parse([]string{spec.Linux.RootfsPropagation}).Propagation
	if propagation != 0 && propagation&(unix.MS_PRIVATE|unix.MS_SLAVE) == 0 {
		r.mount("propagation of the root", cstring(""), cstring("/"), "", propagation, cstring(""))
	}
}

// protectRoot makes the root read-only.
func (r *root) protectRoot() {
	const flags = unix.MS_BIND | unix.MS_REMOUNT | unix.MS_RDONLY
	done := &label{}
	r.mount("make the root read-only", cstring(""), cstring("/"), "", flags, cstring("")).tolerate(anyErrno).then(done)
	// Flags that are locked in a user namespace must be set again.
	all := r.register()
	r.do("flags of the root", opFlags, r.fd).into(all)
	r.do("flags of the root", opOr, all, value(flags)).into(all)
	r.do("make the root read-only", unix.SYS_MOUNT, cstring(""), cstring("/"), cstring(""), all, cstring(""))
	r.mark(done)
}

// place opens a path in the container and makes what is missing if kind says so.
func (r *root) place(what, p string, kind placeKind) register {
	at := r.register()
	r.do(what, opPlace, r.fd, r.fresh(p), kind).into(at)
	return at
}

// shown returns a path by which mount(2) reaches a descriptor.
func (r *root) shown(fd register) address {
	l := r.link("/proc/self/fd/")
	r.show(l, fd)
	return l.text
}

func mounting(m *specs.Mount) string {
	return fmt.Sprintf("error mounting %q to rootfs at %q", m.Source, m.Destination)
}
