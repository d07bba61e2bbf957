package runtime

import (
	"fmt"
	"path"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// hide covers what a container must not see and makes read-only what it must not change. It passes over what does not
// exist.
func (r *root) hide(spec *specs.Spec) {
	for _, p := range spec.Linux.ReadonlyPaths {
		r.readonly(p)
	}
	seen := map[string]bool{}
	for _, p := range spec.Linux.MaskedPaths {
		if p = path.Clean(p); !seen[p] {
			r.mask(p)
		}
		seen[p] = true
	}
}

func (r *root) readonly(p string) {
	what := fmt.Sprintf("can't make %q read-only", p)
	done := &label{}
	target := r.register()
	r.do(what, opPlace, r.fd, r.fresh(p), there).tolerate(unix.ENOENT).orElse(done).into(target)
	at := r.shown(target)
	r.mount(what, at, at, "", unix.MS_BIND|unix.MS_REC, cstring(""))
	r.release(target)
	r.remountReadonly(what, p)
	r.mark(done)
}

// remountReadonly makes the topmost mount at p read-only and returns the last of its steps.
func (r *root) remountReadonly(what, p string) *step {
	target, flags := r.register(), r.register()
	r.do(what, opPlace, r.fd, r.fresh(p), there).into(target)
	r.do(what, opFlags, target).into(flags)
	r.do(what, opOr, flags, value(unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY)).into(flags)
	r.do(what, unix.SYS_MOUNT, cstring(""), r.shown(target), cstring(""), flags, cstring(""))
	return r.do("close a descriptor", unix.SYS_CLOSE, target)
}

// mask covers a folder with an empty one, and a file with the host's null device. That is read-only, or the container
// could change the device's mode and owner.
func (r *root) mask(p string) {
	what := fmt.Sprintf("can't mask path %q", p)
	isFile, done := &label{}, &label{}
	target, open := r.register(), r.register()
	r.do(what, opPlace, r.fd, r.fresh(p), there).tolerate(unix.ENOENT).orElse(done).into(target)
	at := r.shown(target)
	// Find out whether it is a folder. It is no link, which would have been followed.
	r.do(what, unix.SYS_OPENAT, target, cstring("."), value(unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC)).
		tolerate(unix.ENOTDIR).orElse(isFile).into(open)
	r.release(open)
	masked := &label{}
	for i, inodes := range []string{"1", "2"} { // kernels of Ubuntu 20.04 refuse one inode
		data := "nr_blocks=1,nr_inodes=" + inodes
		if r.label != "" {
			data = labelled(data, r.label)
		}
		call := r.mount(what, cstring("tmpfs"), at, "tmpfs", unix.MS_RDONLY, cstring(data)).then(masked)
		if i == 0 {
			call.tolerate(unix.EINVAL)
		}
	}
	r.mark(isFile)
	r.mount(what, cstring("/dev/null"), at, "bind", unix.MS_BIND, cstring(""))
	r.release(target)
	r.remountReadonly(what, p).then(done)
	r.mark(masked)
	r.release(target)
	r.mark(done)
}
