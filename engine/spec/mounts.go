package spec

import (
	"fmt"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// mounts returns all mounts of a container: file systems of the kernel, then files and mounts of the user in order of
// their depth, so that none hides another.
func mounts(in *Input) []specs.Mount {
	own := systemMounts(in)
	user := slices.Clone(in.Mounts)
	taken := func(target string) bool {
		return slices.ContainsFunc(user, func(m specs.Mount) bool { return m.Destination == target })
	}
	for _, f := range in.Files {
		if taken(f.Target) {
			continue
		}
		options := []string{"rbind", "rprivate"}
		if f.Target == initPath {
			options = append(options, "ro")
		} else if in.Host.ReadonlyRootfs {
			options = append(options, "ro")
		}
		user = append(user, specs.Mount{Type: "bind", Source: f.Source, Destination: f.Target, Options: options})
	}
	own = slices.DeleteFunc(own, func(m specs.Mount) bool {
		// A mount of the user's takes the place of ours, and one over all of /dev the place of what ours has in it.
		return taken(m.Destination) || taken("/dev") && strings.HasPrefix(m.Destination, "/dev/")
	})
	slices.SortStableFunc(user, func(a, b specs.Mount) int {
		return strings.Count(a.Destination, "/") - strings.Count(b.Destination, "/")
	})
	return append(own, user...)
}

// rootPropagation returns the propagation of the container's root, because shared and slave mounts need a root that
// allows them. "" is the runtime's default.
func rootPropagation(list []specs.Mount) string {
	has := func(options ...string) bool {
		return slices.ContainsFunc(list, func(m specs.Mount) bool {
			return slices.ContainsFunc(m.Options, func(o string) bool { return slices.Contains(options, o) })
		})
	}
	switch {
	case has("shared", "rshared"):
		return "shared"
	case has("slave", "rslave"):
		return "rslave"
	}
	return ""
}

func systemMounts(in *Input) []specs.Mount {
	sys := []string{"nosuid", "noexec", "nodev", "ro"}
	cgroup := []string{"ro", "nosuid", "noexec", "nodev"}
	writable := in.Host.Privileged
	if writable {
		sys = []string{"nosuid", "noexec", "nodev"}
	}
	if w := in.Security.WritableCgroups; w != nil {
		// Not of a tree that is the host's, whatever a record of before says.
		writable = *w && (in.Host.Privileged || in.Host.CgroupnsMode.IsPrivate())
	}
	if writable {
		cgroup[0] = "rw"
	}
	list := []specs.Mount{
		{Type: "proc", Source: "proc", Destination: "/proc", Options: []string{"nosuid", "noexec", "nodev"}},
		{Type: "tmpfs", Source: "tmpfs", Destination: "/dev",
			Options: []string{"nosuid", "strictatime", "mode=755", "size=65536k"}},
		{Type: "devpts", Source: "devpts", Destination: "/dev/pts",
			Options: []string{"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}},
		{Type: "sysfs", Source: "sysfs", Destination: "/sys", Options: sys},
		{Type: "cgroup", Source: "cgroup", Destination: "/sys/fs/cgroup", Options: cgroup},
	}
	if in.UserNS == "" || !in.Host.IpcMode.IsHost() { // not what a user namespace does not own
		// Of whichever IPC namespace the container has, the host's too.
		list = append(list, specs.Mount{Type: "mqueue", Source: "mqueue", Destination: "/dev/mqueue",
			Options: []string{"nosuid", "noexec", "nodev"}})
	}
	switch {
	case in.Host.IpcMode.IsNone():
	case in.Shm != "":
		list = append(list, specs.Mount{Type: "bind", Source: in.Shm, Destination: "/dev/shm",
			Options: []string{"rbind", "rprivate"}})
	default:
		list = append(list, specs.Mount{Type: "tmpfs", Source: "shm", Destination: "/dev/shm", Options: []string{
			"nosuid", "noexec", "nodev", "mode=1777", fmt.Sprintf("size=%d", in.Host.ShmSize),
		}})
	}
	return list
}
