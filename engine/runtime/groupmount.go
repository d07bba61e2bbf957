package runtime

import (
	"cmp"
	"path"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"box/fs/mount"
)

// groupFlags are the flags of every cgroup mount in a container.
const groupFlags = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC

// groups shows a container its control groups: the unified tree, or a folder with the hierarchies of v1. at is the
// group's path in each hierarchy, and folders has the group's folder by controller. own means that the container has
// its own cgroup namespace, whose root is the group.
func (r *root) groups(m *specs.Mount, p mount.Parsed, at string, folders map[string]string, own bool) {
	if dir, unified := folders[""]; unified && len(folders) == 1 {
		r.unified(m, p, dir, own)
		return
	}
	covering := specs.Mount{Type: "tmpfs", Source: "tmpfs", Destination: m.Destination, Options: m.Options}
	r.tmpfs(&covering, mount.Parsed{Flags: groupFlags, Propagation: p.Propagation, Data: "mode=755"})
	top := r.place(mounting(m), m.Destination, there)
	for _, h := range hierarchies(at, folders) {
		// The folder is new and only this container's, so no part of the path can be a link.
		r.do(mounting(m), unix.SYS_MKDIRAT, top, cstring(h.name), value(0o755))
		target := r.open(mounting(m), unix.SYS_OPENAT, top, cstring(h.name),
			value(unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC))
		flags := groupFlags | p.Flags&unix.MS_RDONLY
		if own {
			r.mount(mounting(m), cstring("cgroup"), r.shown(target), h.kind, flags, cstring(h.data))
			r.release(target)
		} else {
			r.mount(mounting(m), cstring(h.folder), r.shown(target), "bind", unix.MS_BIND, cstring(""))
			r.release(target)
			target = r.open(mounting(m), unix.SYS_OPENAT, top, cstring(h.name),
				value(unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC))
			r.restrict(m, flags, target)
			r.release(target)
		}
		for _, alias := range h.aliases {
			r.do(mounting(m), unix.SYS_SYMLINKAT, cstring(h.name), top, cstring(alias))
		}
	}
	r.release(top)
	if p.Flags&unix.MS_RDONLY != 0 {
		top := r.place(mounting(m), m.Destination, there)
		r.restrict(m, groupFlags|unix.MS_RDONLY, top)
		r.release(top)
	}
}

// unified mounts the v2 tree. In a user namespace without its own cgroup namespace that is not allowed, and a bind
// takes its place.
func (r *root) unified(m *specs.Mount, p mount.Parsed, dir string, own bool) {
	target := r.place(mounting(m), m.Destination, folder)
	at := r.shown(target)
	bound, done := &label{}, &label{}
	r.mount(mounting(m), cstring("cgroup"), at, "cgroup2", p.Flags, cstring(p.Data)).
		tolerate(unix.EPERM, unix.EBUSY).orElse(bound).then(done)
	r.mark(bound)
	if !own {
		dir = "/sys/fs/cgroup"
	}
	r.mount(mounting(m), cstring(dir), at, "bind", unix.MS_BIND, cstring(""))
	top := r.place(mounting(m), m.Destination, there)
	r.restrict(m, p.Flags, top)
	r.release(top)
	r.mark(done)
	r.finish(m, p, target)
}

// hierarchy is a v1 hierarchy as a container sees it.
type hierarchy struct {
	name, kind, data string
	folder           string   // the container's group in it
	aliases          []string // names of controllers that are mounted together
}

// hierarchies turns folders by controller into what is mounted. at is the group's path in each.
func hierarchies(at string, folders map[string]string) []hierarchy {
	byFolder := map[string][]string{}
	for controller, dir := range folders {
		byFolder[dir] = append(byFolder[dir], controller)
	}
	var list []hierarchy
	for dir, controllers := range byFolder {
		name := path.Base(strings.TrimSuffix(dir, at))
		h := hierarchy{name: name, kind: "cgroup", data: name, folder: dir}
		if named, ok := strings.CutPrefix(controllers[0], "name="); ok {
			h.data = "none,name=" + named
		}
		if controllers[0] == "" { // a v2 tree beside them
			h.kind, h.data = "cgroup2", ""
		}
		if strings.Contains(name, ",") {
			h.aliases = strings.Split(name, ",")
		}
		list = append(list, h)
	}
	slices.SortFunc(list, func(a, b hierarchy) int { return cmp.Compare(a.name, b.name) })
	return list
}
