// Package spec converts a container's configuration (Config and HostConfig) to an OCI runtime spec.
//
// It does not use the engine's state: the caller has resolved all paths and names.
package spec

import (
	"cmp"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/moby/moby/api/types/container"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// Input is a container with all references resolved.
type Input struct {
	ID     string
	Config *container.Config
	Host   *container.HostConfig
	Root   string // where the container's root is mounted

	Args     []string // entrypoint and command
	User     Account
	Hostname string   // of a UTS namespace of its own
	Env      []string // more variables, which those of Config replace
	Files    []Bind   // hostname, hosts, resolv.conf, mounted unless a mount of the user's is there
	Mounts   []specs.Mount
	Devices  []specs.LinuxDevice
	Rules    []specs.LinuxDeviceCgroup

	NetNS    string // path of the network namespace, "" for the host's
	PidNS    string // path of another container's PID namespace
	IPCNS    string // path of another container's IPC namespace
	Shm      string // host folder to mount at /dev/shm, "" for a tmpfs of its own
	UserNS   string // path of the user namespace, "" for the host's
	UTSNS    string // path of another container's UTS namespace
	Init     string // host path of an init to run the program under, "" for none
	CgroupV2 bool
	Security Security // what the options of Host say, too
	Confine  Confinement
	Cgroup   string // path in every hierarchy
}

// Bind is a file of the host that is mounted in the container.
type Bind struct {
	Source, Target string
}

// Build makes the spec, without the seccomp profile, which Filters compiles. If the request contradicts itself, the
// error is errdefs.ErrInvalidArgument.
func Build(in Input) (*specs.Spec, error) {
	opts := in.Security
	caps, err := capabilities(in.Host, in.User.UID)
	if err != nil {
		return nil, err
	}
	resources, err := Resources(&in.Host.Resources)
	if err != nil {
		return nil, err
	}
	s := &specs.Spec{
		Version:     specs.Version,
		Root:        &specs.Root{Path: in.Root, Readonly: in.Host.ReadonlyRootfs},
		Hostname:    in.Hostname,
		Domainname:  in.Config.Domainname,
		Annotations: in.Host.Annotations,
		Process: &specs.Process{
			Terminal:        in.Config.Tty,
			Args:            in.Args,
			Env:             WithHome(Environment(in.Config, in.Hostname, in.Env...), in.User),
			Cwd:             WorkingDir(in.Config.WorkingDir),
			User:            in.User.User,
			Capabilities:    caps,
			NoNewPrivileges: opts.NoNewPrivileges,
			OOMScoreAdj:     &in.Host.OomScoreAdj,
			Rlimits:         Rlimits(in.Host.Ulimits),
		},
		Linux: &specs.Linux{
			CgroupsPath:   in.Cgroup,
			Namespaces:    namespaces(&in),
			Resources:     resources,
			MaskedPaths:   in.Host.MaskedPaths,
			ReadonlyPaths: in.Host.ReadonlyPaths,
			Devices:       in.Devices,
			Sysctl:        sysctls(&in),
		},
	}
	s.Process.User.Umask = in.Host.Umask
	s.Linux.MountLabel = in.Confine.Confine(s.Process, opts, in.Host.Privileged)
	if in.Host.UTSMode.IsHost() {
		s.Hostname, s.Domainname = "", "" // those of the host stay
	}
	if in.Init != "" {
		s.Process.Args = append([]string{initPath, "--"}, in.Args...)
		in.Files = append(in.Files, Bind{Source: in.Init, Target: initPath})
	}
	if h, w := in.Host.ConsoleSize[0], in.Host.ConsoleSize[1]; in.Config.Tty && h > 0 && w > 0 {
		s.Process.ConsoleSize = &specs.Box{Height: h, Width: w}
	}
	s.Mounts = mounts(&in)
	s.Linux.RootfsPropagation = rootPropagation(in.Mounts)
	s.Linux.Resources.Devices = deviceRules(&in)
	if in.Host.Privileged {
		s.Linux.MaskedPaths, s.Linux.ReadonlyPaths = nil, nil
	}
	return s, nil
}

// initPath is where --init is mounted, as users see it in ps.
const initPath = "/sbin/docker-init"

// CgroupPath returns the path of a container in every cgroup hierarchy: below its own parent, or else the daemon's, or
// else /docker.
func CgroupPath(own, daemons, id string) string {
	return path.Join("/", path.Clean("/"+cmp.Or(own, daemons, "docker")), id)
}

// WorkingDir returns the folder in which a program starts.
func WorkingDir(dir string) string {
	if dir == "" {
		return "/"
	}
	return dir
}

const defaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Environment returns Docker's variables PATH, HOSTNAME and, with a terminal, TERM, overridden by those of image and
// user. An entry without "=" removes a variable. more are the variables of links, which override none.
func Environment(c *container.Config, hostname string, more ...string) []string {
	env := append([]string{defaultPath, "HOSTNAME=" + hostname}, more...)
	if c.Tty {
		env = append(env, "TERM=xterm")
	}
	return MergeEnvironment(env, c.Env)
}

// MergeEnvironment returns base overridden by more. A name without "=" removes a variable of base, unless another entry
// of more sets it.
func MergeEnvironment(base, more []string) []string {
	out := slices.Clone(base)
	for _, e := range more {
		name, _, sets := strings.Cut(e, "=")
		i := slices.IndexFunc(out, func(have string) bool { return strings.HasPrefix(have, name+"=") })
		switch {
		case sets && i >= 0:
			out[i] = e
		case sets:
			out = append(out, e)
		case i >= 0 && !slices.ContainsFunc(more, func(other string) bool { return strings.HasPrefix(other, name+"=") }):
			out = slices.Delete(out, i, i+1)
		}
	}
	return out
}

// WithHome adds HOME unless it is set. The runtime would do that itself, but it would open a file in the container for
// it, and a pipe there would block the start forever.
func WithHome(env []string, who Account) []string {
	env = slices.DeleteFunc(env, func(e string) bool { return e == "HOME=" })
	if slices.ContainsFunc(env, func(e string) bool { return strings.HasPrefix(e, "HOME=") }) {
		return env
	}
	return append(env, "HOME="+who.Home)
}

func namespaces(in *Input) []specs.LinuxNamespace {
	list := []specs.LinuxNamespace{{Type: specs.MountNamespace}}
	add := func(own bool, kind specs.LinuxNamespaceType, path string) {
		if own || path != "" {
			list = append(list, specs.LinuxNamespace{Type: kind, Path: path})
		}
	}
	add(in.UserNS != "", specs.UserNamespace, in.UserNS)
	add(in.NetNS != "", specs.NetworkNamespace, in.NetNS)
	add(in.Host.PidMode.IsPrivate(), specs.PIDNamespace, in.PidNS)
	add(!in.Host.IpcMode.IsHost() && !in.Host.IpcMode.IsContainer(), specs.IPCNamespace, in.IPCNS)
	add(!in.Host.UTSMode.IsHost(), specs.UTSNamespace, in.UTSNS)
	add(in.Host.CgroupnsMode.IsPrivate(), specs.CgroupNamespace, "")
	return list
}

// sysctls returns the user's sysctls and, in a network namespace of its own, the two that allow ordinary users to bind
// low ports and to ping (Docker 20.10 and later).
func sysctls(in *Input) map[string]string {
	out := maps.Clone(in.Host.Sysctls)
	if in.Host.NetworkMode.IsHost() || in.Host.NetworkMode.IsContainer() {
		return out
	}
	if out == nil {
		out = map[string]string{}
	}
	for name, value := range map[string]string{
		"net.ipv4.ip_unprivileged_port_start": "0",
		"net.ipv4.ping_group_range":           "0 2147483647",
	} {
		if in.UserNS != "" && name == "net.ipv4.ping_group_range" {
			continue // the kernel takes only groups that the user namespace has
		}
		if _, set := out[name]; !set {
			out[name] = value
		}
	}
	return out
}

// Rlimits converts ulimits for the runtime.
func Rlimits(list []*container.Ulimit) []specs.POSIXRlimit {
	var out []specs.POSIXRlimit
	for _, u := range list {
		out = append(out, specs.POSIXRlimit{
			Type: "RLIMIT_" + strings.ToUpper(u.Name), Soft: uint64(u.Soft), Hard: uint64(u.Hard),
		})
	}
	return out
}
