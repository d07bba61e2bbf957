package runtime

import (
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"box/fs/mount"
)

// setsFlags are the flags that a bind does not set at once: they take a second call.
const setsFlags = ^uintptr(unix.MS_BIND | unix.MS_REC)

// openTrees opens the sources of binds while the process is root of the host, as the root of a user namespace may not
// reach them by path (open_tree(2), Linux 5.2).
func (r *root) openTrees(list []specs.Mount) {
	for i := range list {
		m := &list[i]
		if m.Type != "bind" {
			continue
		}
		flags := unix.OPEN_TREE_CLONE | unix.OPEN_TREE_CLOEXEC
		if mount.Parse(m.Options).Flags&unix.MS_REC != 0 {
			flags |= unix.AT_RECURSIVE
		}
		tree := r.register()
		r.do(mounting(m), unix.SYS_OPEN_TREE, current, cstring(m.Source), value(flags)).tolerate(unix.ENOSYS).into(tree)
		r.trees[m.Destination] = tree
	}
}

// mountAll makes a spec's mounts in their order.
func (r *root) mountAll(spec *specs.Spec, groups map[string]string, ownGroups bool) error {
	for i := range spec.Mounts {
		m := &spec.Mounts[i]
		p := mount.Parse(m.Options)
		if err := checkProc(m); err != nil {
			return err
		}
		switch m.Type {
		case "proc", "sysfs":
			// What the kernel shows of itself must be at the path where it is used and masked, not behind a link of
			// the image.
			r.finish(m, p, r.kernel(m, p, r.place(mounting(m), m.Destination, folder|realPath)))
		case "tmpfs":
			r.tmpfs(m, p)
		case "bind":
			if err := r.bind(m, p); err != nil {
				return err
			}
		case "cgroup":
			r.groups(m, p, spec.Linux.CgroupsPath, groups, ownGroups)
		default:
			r.finish(m, p, r.kernel(m, p, r.mountpoint(m, folder)))
		}
	}
	return nil
}

// lentProc are the files of /proc that may be mounted over, as programs like lxcfs do.
var lentProc = []string{
	"/proc/cpuinfo", "/proc/diskstats", "/proc/meminfo", "/proc/stat", "/proc/swaps", "/proc/uptime", "/proc/loadavg",
	"/proc/slabinfo",
	"/proc/sys/kernel/ns_last_pid", "/proc/sys/crypto/fips_enabled",
}

// checkProc refuses any /proc but the kernel's.
func checkProc(m *specs.Mount) error {
	if path.Clean(m.Destination) != "/proc" || m.Type == "proc" {
		return nil
	}
	var st unix.Statfs_t
	if m.Type == "bind" && unix.Statfs(m.Source, &st) == nil && st.Type == unix.PROC_SUPER_MAGIC {
		return nil
	}
	return refuse("%q cannot be mounted because it is not of type proc", m.Destination)
}

// mountpoint opens a place to mount on, wherever the image's links lead. It refuses the root and what the kernel shows
// in /proc.
func (r *root) mountpoint(m *specs.Mount, kind placeKind) register {
	target := r.place(mounting(m), m.Destination, kind)
	r.checkFree(m, target)
	return target
}

func (r *root) checkFree(m *specs.Mount, target register) {
	free := r.do("", opFree, target, r.fd).because(func(err error) error {
		switch err {
		case unix.EBUSY:
			return refuse("mountpoint %q is on the top of rootfs", m.Destination)
		case unix.EXDEV:
			return refuse("%q cannot be mounted because it is inside /proc", m.Destination)
		}
		return fmt.Errorf("%s: %w", mounting(m), err)
	})
	if slices.Contains(lentProc, path.Clean(m.Destination)) || path.Clean(m.Destination) == "/proc" {
		free.tolerate(unix.EXDEV)
	}
}

// kernel mounts one of the kernel's file systems over target.
func (r *root) kernel(m *specs.Mount, p mount.Parsed, target register) register {
	data := p.Data
	if r.label != "" && m.Type != "proc" && m.Type != "sysfs" && m.Type != "mqueue" {
		data = labelled(data, r.label)
	}
	r.mount(mounting(m), cstring(m.Source), r.shown(target), m.Type, p.Flags, cstring(data))
	return target
}

func labelled(data, label string) string {
	return strings.TrimPrefix(fmt.Sprintf("%s,context=%q", data, label), ",")
}

// tmpfs mounts one with the mode of the folder that it covers, if there is any, unless the options name another.
// protectMounts makes it read-only when everything is in place.
func (r *root) tmpfs(m *specs.Mount, p mount.Parsed) {
	p.Flags &^= unix.MS_RDONLY
	data := p.Data
	if r.label != "" {
		data = labelled(data, r.label)
	}
	missing, mounted := &label{}, &label{}
	target := r.register()
	r.do(mounting(m), opPlace, r.fd, r.fresh(m.Destination), there).tolerate(unix.ENOENT).orElse(missing).into(target)
	r.checkFree(m, target)
	const asCovered = "mode="
	text := r.fresh(strings.TrimSuffix(asCovered+"0000,"+data, ","))
	r.do(mounting(m), opMode, target, text+address(len(asCovered)))
	r.mount(mounting(m), cstring(m.Source), r.shown(target), m.Type, p.Flags, text).then(mounted)
	r.mark(missing)
	r.do(mounting(m), opPlace, r.fd, r.fresh(m.Destination), folder).into(target)
	r.mount(mounting(m), cstring(m.Source), r.shown(target), m.Type, p.Flags, cstring(data))
	r.mark(mounted)
	r.finish(m, p, target)
}

func (r *root) bind(m *specs.Mount, p mount.Parsed) error {
	st, err := os.Stat(m.Source)
	if err != nil {
		return fmt.Errorf("%s: %w", mounting(m), err)
	}
	kind := file
	if st.IsDir() {
		kind = folder
	}
	target := r.mountpoint(m, kind)
	byPath, bound := &label{}, &label{}
	if tree, ok := r.trees[m.Destination]; ok {
		r.do(mounting(m), unix.SYS_MOVE_MOUNT, tree, cstring(""), target, cstring(""),
			value(unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH)).tolerate(unix.ENOSYS).orElse(byPath)
		r.do("close a descriptor", unix.SYS_CLOSE, tree).then(bound)
	}
	r.mark(byPath)
	r.mount(mounting(m), cstring(m.Source), r.shown(target), "bind", unix.MS_BIND|p.Flags&unix.MS_REC, cstring(""))
	r.mark(bound)
	r.release(target)
	top := r.place(mounting(m), m.Destination, there)
	if p.Flags&setsFlags != 0 {
		r.restrict(m, p.Flags&^unix.MS_REC, top)
	}
	if p.ReadOnlyAll {
		attr := r.words(value(unix.MOUNT_ATTR_RDONLY), value(0), value(0), value(0)) // struct mount_attr
		r.do(mounting(m), unix.SYS_MOUNT_SETATTR, top, cstring(""), value(unix.AT_EMPTY_PATH|unix.AT_RECURSIVE), attr,
			value(4*8))
	}
	r.propagate(m, p, top)
	r.release(top)
	return nil
}

// restrict sets these flags of the mount that top is on, and of the others only those that are locked there.
func (r *root) restrict(m *specs.Mount, flags uintptr, top register) {
	flags |= unix.MS_BIND | unix.MS_REMOUNT
	done := &label{}
	at := r.shown(top)
	r.mount(mounting(m), cstring(""), at, "", flags, cstring("")).tolerate(unix.EPERM).then(done)
	all := r.register()
	r.do(mounting(m), opFlags, top).into(all)
	r.do(mounting(m), opOr, all, value(flags)).into(all)
	r.do(mounting(m), unix.SYS_MOUNT, cstring(""), at, cstring(""), all, cstring(""))
	r.mark(done)
}

// finish closes a mount's target and lets the mount propagate as its options say.
func (r *root) finish(m *specs.Mount, p mount.Parsed, target register) {
	r.release(target)
	if p.Propagation == 0 {
		return
	}
	top := r.place(mounting(m), m.Destination, there)
	r.propagate(m, p, top)
	r.release(top)
}

func (r *root) propagate(m *specs.Mount, p mount.Parsed, top register) {
	if p.Propagation != 0 {
		r.mount(mounting(m), cstring(""), r.shown(top), "", p.Propagation, cstring(""))
	}
}

// protectMounts makes those mounts read-only that had to be written to until now.
func (r *root) protectMounts(list []specs.Mount) {
	for i := range list {
		m := &list[i]
		p := mount.Parse(m.Options)
		if p.Flags&unix.MS_RDONLY == 0 || m.Type != "tmpfs" {
			continue
		}
		top := r.place(mounting(m), m.Destination, there)
		r.restrict(m, p.Flags, top)
		r.release(top)
	}
}
