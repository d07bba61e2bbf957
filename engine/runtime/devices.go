package runtime

import (
	"path"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// defaultDevices are in every container (OCI runtime spec, config-linux.md, "Default Devices").
var defaultDevices = []specs.LinuxDevice{
	{Path: "/dev/null", Type: "c", Major: 1, Minor: 3},
	{Path: "/dev/zero", Type: "c", Major: 1, Minor: 5},
	{Path: "/dev/full", Type: "c", Major: 1, Minor: 7},
	{Path: "/dev/random", Type: "c", Major: 1, Minor: 8},
	{Path: "/dev/urandom", Type: "c", Major: 1, Minor: 9},
	{Path: "/dev/tty", Type: "c", Major: 5, Minor: 0},
}

// devices fills /dev, unless the container binds one that somebody else fills.
func (r *root) devices(spec *specs.Spec) {
	for i := range spec.Mounts {
		if m := &spec.Mounts[i]; m.Type == "bind" && path.Clean(m.Destination) == "/dev" {
			return
		}
	}
	named := map[string]bool{"/dev/ptmx": true} // a link
	for i := range spec.Linux.Devices {
		d := &spec.Linux.Devices[i]
		if !named[path.Clean(d.Path)] {
			r.device(d)
		}
		named[path.Clean(d.Path)] = true
	}
	for i := range defaultDevices {
		if d := &defaultDevices[i]; !named[d.Path] {
			r.device(d)
		}
	}
	dev := r.place("open /dev", "/dev", folder)
	r.do("remove /dev/ptmx", unix.SYS_UNLINKAT, dev, cstring("ptmx")).tolerate(unix.ENOENT)
	for _, l := range [][2]string{
		{"ptmx", "pts/ptmx"},
		{"fd", "/proc/self/fd"},
		{"stdin", "/proc/self/fd/0"},
		{"stdout", "/proc/self/fd/1"},
		{"stderr", "/proc/self/fd/2"},
	} {
		r.do("link /dev/"+l[0], unix.SYS_SYMLINKAT, cstring(l[1]), dev, cstring(l[0])).tolerate(unix.EEXIST)
	}
	done := &label{}
	r.do("look for /proc/kcore", unix.SYS_FACCESSAT, current, cstring("/proc/kcore"), value(unix.F_OK)).
		tolerate(anyErrno).orElse(done)
	r.do("link /dev/core", unix.SYS_SYMLINKAT, cstring("/proc/kcore"), dev, cstring("core")).tolerate(unix.EEXIST)
	r.mark(done)
	r.release(dev)
}

// device makes a device, or binds the host's where that is not allowed, as in a user namespace.
func (r *root) device(d *specs.LinuxDevice) {
	what := "error creating device nodes: " + d.Path
	kind := map[string]uint32{"c": unix.S_IFCHR, "u": unix.S_IFCHR, "b": unix.S_IFBLK, "p": unix.S_IFIFO}[d.Type]
	mode, uid, gid := uint32(0o666), 0, 0
	if d.FileMode != nil {
		mode = uint32(d.FileMode.Perm())
	}
	if d.UID != nil {
		uid = int(*d.UID)
	}
	if d.GID != nil {
		gid = int(*d.GID)
	}
	dir := r.place(what, path.Dir(path.Clean("/"+d.Path)), folder)
	name := path.Base(d.Path)
	bind, refused, done := &label{}, &label{}, &label{}
	if !r.users {
		r.do(what, unix.SYS_MKNODAT, dir, cstring(name), value(mode|kind),
			value(unix.Mkdev(uint32(d.Major), uint32(d.Minor)))).tolerate(unix.EPERM, unix.EEXIST).orElse(refused)
		r.do(what, unix.SYS_FCHOWNAT, dir, cstring(name), value(uid), value(gid), value(unix.AT_SYMLINK_NOFOLLOW)).then(done)
		r.mark(refused)
		old := r.register()
		r.do(what, unix.SYS_OPENAT, dir, cstring(name), value(unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC)).
			tolerate(unix.ENOENT).orElse(bind).into(old)
		r.do(what, unix.SYS_CLOSE, old).then(done) // one is there already, which will do
	}
	r.mark(bind)
	// The host may have anything at the path that the container names.
	source := r.open(what, unix.SYS_OPENAT, current, cstring(d.Path), value(unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC))
	r.do(what, opDevice, source, value(unix.Mkdev(uint32(d.Major), uint32(d.Minor))), value(kind))
	target := r.open(what, unix.SYS_OPENAT, dir, cstring(name), value(unix.O_CREAT|unix.O_NOFOLLOW|unix.O_CLOEXEC))
	r.mount(what, r.shown(source), r.shown(target), "bind", unix.MS_BIND, cstring(""))
	r.release(source)
	r.release(target)
	r.mark(done)
	r.release(dir)
}
