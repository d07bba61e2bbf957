package engine

import (
	"bufio"
	"context"
	"net/url"
	"os"
	"runtime"
	"strings"
	"time"

	api "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/swarm"
	"github.com/moby/moby/api/types/system"
	"golang.org/x/sys/unix"

	"box/buildinfo"
	"box/engine/cgroup"
	"box/engine/logs"
	"box/engine/task"
)

// KernelVersion returns the release of the kernel.
func KernelVersion() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return ""
	}
	return unix.ByteSliceToString(u.Release[:])
}

// Info implements `docker info`.
func (e *Engine) Info(ctx context.Context) (*system.Info, error) {
	i := &system.Info{
		ID: e.id, Driver: e.layers.Name(), DriverStatus: e.layers.Status(),
		Plugins: system.PluginsInfo{Volume: []string{"local"}, Network: []string{"bridge", "host", "null"},
			Log: logs.Drivers(), Authorization: e.settings().Authorization},
		MemoryLimit: e.o.Limits.Memory, SwapLimit: e.o.Limits.Swap, CPUCfsPeriod: e.o.Limits.CPUQuota,
		CPUCfsQuota: e.o.Limits.CPUQuota,
		CPUShares:   e.o.Limits.CPUShares, CPUSet: e.o.Limits.Cpuset,
		PidsLimit: e.o.Limits.Pids, IPv4Forwarding: switchedOn("/proc/sys/net/ipv4/ip_forward"),
		OomKillDisable: e.o.Limits.OOMKillDisable, Debug: e.settings().Debug,
		NFd: openDescriptors(), NGoroutines: runtime.NumGoroutine(), SystemTime: e.o.Now().Format(time.RFC3339Nano),
		LoggingDriver: e.o.LogConfig.Type, CgroupDriver: "cgroupfs", CgroupVersion: "1", NEventsListener: e.bus.Listeners(),
		KernelVersion: KernelVersion(), OSType: "linux", Architecture: architecture(), NCPU: runtime.NumCPU(),
		MemTotal:           memoryTotal(),
		IndexServerAddress: "https://index.docker.io/v1/", RegistryConfig: e.registry.Load().Config(),
		DockerRootDir: e.o.Root, ServerVersion: e.o.Release, Labels: append([]string{}, e.settings().Labels...),
		ExperimentalBuild: e.o.Experimental,
		Runtimes:          e.runtimes(), CDISpecDirs: []string{}, RuncCommit: system.Commit{ID: buildinfo.Current().Runc},
		InitCommit: system.Commit{ID: e.o.Version},
		HTTPProxy:  proxy("HTTP_PROXY"), HTTPSProxy: proxy("HTTPS_PROXY"), NoProxy: proxy("NO_PROXY"),
		DefaultRuntime: e.settings().Container.Runtime, Swarm: swarm.Info{LocalNodeState: swarm.LocalNodeStateInactive},
		LiveRestoreEnabled: e.settings().LiveRestore, InitBinary: "docker-init",
		SecurityOptions: []string{"name=seccomp,profile=" + e.settings().Container.SeccompName},
	}
	i.Warnings = append(i.Warnings, e.silentKeeper(ctx)...)
	options, unconfined := e.confinedBy(ctx)
	i.SecurityOptions = append(options, i.SecurityOptions...)
	i.Warnings = append(i.Warnings, unconfined...)
	if len(e.o.IDs.UIDs) > 0 {
		i.SecurityOptions = append(i.SecurityOptions, "name=userns")
	}
	if cgroup.V2() {
		i.CgroupVersion = "2"
		i.SecurityOptions = append(i.SecurityOptions, "name=cgroupns")
	}
	i.Name, _ = os.Hostname()
	i.OperatingSystem, i.OSVersion = operatingSystem()
	for _, c := range e.all() {
		st, _ := c.Now()
		i.Containers++
		switch {
		case st.State == api.StatePaused:
			i.ContainersPaused++
		case st.Running():
			i.ContainersRunning++
		default:
			i.ContainersStopped++
		}
	}
	i.Images = len(e.images.List())
	i.Warnings = append(i.Warnings, e.o.Warnings...)
	for _, n := range e.notes {
		i.Warnings = append(i.Warnings, "WARNING: "+n)
	}
	i.Warnings = append(i.Warnings, e.offered()...)
	if e.o.Net != nil {
		i.FirewallBackend = &system.FirewallInfo{Driver: "nftables"}
		i.Warnings = append(i.Warnings, e.o.Net.Warnings()...)
	}
	i.Warnings = append(i.Warnings, e.lacking(i)...)
	return i, nil
}

// runtimes returns the built-in runtimes.
func (e *Engine) runtimes() map[string]system.RuntimeWithStatus {
	list := map[string]system.RuntimeWithStatus{}
	for _, name := range task.Runtimes() {
		list[name] = system.RuntimeWithStatus{Runtime: system.Runtime{Path: e.o.Init}}
	}
	return list
}

// keeperPatience is how long info waits for the keeper.
const keeperPatience = 2 * time.Second

// silentKeeper warns about a keeper that does not answer.
func (e *Engine) silentKeeper(ctx context.Context) []string {
	k, ok := e.o.Tasks.(interface{ Responds(context.Context) error })
	if !ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, keeperPatience)
	defer cancel()
	if err := k.Responds(ctx); err != nil {
		return []string{"WARNING: Containers cannot be started or stopped: " + err.Error()}
	}
	return nil
}

// lacking returns warnings about what the kernel does not support, in Docker's words.
func (e *Engine) lacking(i *system.Info) (warnings []string) {
	l := e.o.Limits
	v1 := i.CgroupVersion == "1"
	throttle := func(v1Name, v2Name string) string {
		if v1 {
			return "blkio " + v1Name
		}
		return v2Name
	}
	for _, w := range []struct {
		has  bool
		text string
	}{
		{l.Memory, "No memory limit support"},
		{l.Swap, "No swap limit support"},
		{l.OOMKillDisable || !v1, "No oom kill disable support"},
		{l.CPUQuota, "No cpu cfs quota support"},
		{l.CPUQuota, "No cpu cfs period support"},
		{l.CPUShares, "No cpu shares support"},
		{l.Cpuset, "No cpuset support"},
		{l.ReadBps, "No " + throttle("throttle.read_bps_device", "io.max (rbps)") + " support"},
		{l.WriteBps, "No " + throttle("throttle.write_bps_device", "io.max (wbps)") + " support"},
		{l.ReadIOps, "No " + throttle("throttle.read_iops_device", "io.max (riops)") + " support"},
		{l.WriteIOps, "No " + throttle("throttle.write_iops_device", "io.max (wiops)") + " support"},
		{i.IPv4Forwarding, "IPv4 forwarding is disabled"},
	} {
		if !w.has {
			warnings = append(warnings, "WARNING: "+w.text)
		}
	}
	return warnings
}

// switchedOn reads a kernel setting that is 0 or 1.
func switchedOn(path string) bool {
	raw, err := os.ReadFile(path)
	return err == nil && strings.TrimSpace(string(raw)) != "0"
}

// BridgeFilters tells whether iptables and ip6tables rules apply to bridged packets, for clients before 1.50.
func BridgeFilters() (v4, v6 bool) {
	return switchedOn("/proc/sys/net/bridge/bridge-nf-call-iptables"),
		switchedOn("/proc/sys/net/bridge/bridge-nf-call-ip6tables")
}

// proxy returns an environment variable with a proxy, without its password.
func proxy(name string) string {
	v := os.Getenv(name)
	if v == "" {
		v = os.Getenv(strings.ToLower(name))
	}
	u, err := url.Parse(v)
	if err != nil || u.User == nil {
		return v
	}
	u.User = url.UserPassword("xxxxx", "xxxxx")
	return u.String()
}

func openDescriptors() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return -1
	}
	return len(entries)
}

func architecture() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return runtime.GOARCH
	}
	return unix.ByteSliceToString(u.Machine[:])
}

func memoryTotal() int64 {
	var s unix.Sysinfo_t
	if unix.Sysinfo(&s) != nil {
		return 0
	}
	return int64(s.Totalram) * int64(s.Unit)
}

// operatingSystem returns PRETTY_NAME and VERSION_ID of os-release(5).
func operatingSystem() (name, version string) {
	for _, p := range []string{"/etc/os-release", "/usr/lib/os-release"} {
		f, err := os.Open(p)
		if err != nil {
			continue
		}
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); {
			key, value, _ := strings.Cut(lines.Text(), "=")
			value = strings.Trim(value, `"'`)
			switch key {
			case "PRETTY_NAME":
				name = value
			case "VERSION_ID":
				version = value
			}
		}
		break
	}
	if name == "" {
		name = "Linux"
	}
	return name, version
}
