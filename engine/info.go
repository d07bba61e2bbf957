package engine

import (
	"bufio"
	"context"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/moby/moby/api/types/swarm"
	"github.com/moby/moby/api/types/system"

	api "github.com/moby/moby/api/types/container"
	"golang.org/x/sys/unix"

	"box/engine/cgroup"
)

// KernelVersion is what uname -r says.
func KernelVersion() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return ""
	}
	return unix.ByteSliceToString(u.Release[:])
}

// Info is `docker info`.
func (e *Engine) Info(_ context.Context) (*system.Info, error) {
	i := &system.Info{
		ID: e.id, Driver: e.layers.Name(), DriverStatus: e.layers.Status(),
		Plugins:     system.PluginsInfo{Volume: []string{"local"}, Network: []string{"bridge", "host", "null"}, Log: []string{"json-file", "none"}},
		MemoryLimit: e.o.Limits.Memory, SwapLimit: e.o.Limits.Swap, CPUCfsPeriod: e.o.Limits.CPUQuota, CPUCfsQuota: e.o.Limits.CPUQuota,
		CPUShares: e.o.Limits.CPUShares, CPUSet: e.o.Limits.Cpuset,
		PidsLimit: e.o.Limits.Pids, IPv4Forwarding: true, OomKillDisable: e.o.Limits.OOMKillDisable, Debug: e.o.Debug,
		NFd: openDescriptors(), NGoroutines: runtime.NumGoroutine(), SystemTime: e.o.Now().Format(time.RFC3339Nano),
		LoggingDriver: "json-file", CgroupDriver: "cgroupfs", CgroupVersion: "1", NEventsListener: e.bus.Listeners(),
		KernelVersion: KernelVersion(), OSType: "linux", Architecture: machine(), NCPU: runtime.NumCPU(), MemTotal: memoryTotal(),
		IndexServerAddress: "https://index.docker.io/v1/", RegistryConfig: e.registry.Config(),
		DockerRootDir: e.o.Root, ServerVersion: e.o.Version, Labels: []string{},
		Runtimes:       map[string]system.RuntimeWithStatus{"runc": {}},
		DefaultRuntime: "runc", Swarm: swarm.Info{LocalNodeState: swarm.LocalNodeStateInactive},
		LiveRestoreEnabled: e.o.LiveRestore, InitBinary: "docker-init", SecurityOptions: []string{"name=seccomp,profile=builtin"},
	}
	if cgroup.V2() {
		i.CgroupVersion = "2"
		i.SecurityOptions = append(i.SecurityOptions, "name=cgroupns")
	}
	i.Name, _ = os.Hostname()
	i.OperatingSystem, i.OSVersion = operatingSystem()
	for _, c := range e.all() {
		st, _ := c.now()
		i.Containers++
		switch {
		case st.State == api.StatePaused:
			i.ContainersPaused++
		case st.running():
			i.ContainersRunning++
		default:
			i.ContainersStopped++
		}
	}
	i.Images = len(e.images.List())
	if e.o.Net != nil {
		i.Warnings = append(i.Warnings, e.o.Net.Warnings()...)
	}
	if !i.SwapLimit {
		i.Warnings = append(i.Warnings, "WARNING: No swap limit support")
	}
	return i, nil
}

func openDescriptors() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return -1
	}
	return len(entries)
}

func machine() string {
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

// operatingSystem reads PRETTY_NAME and VERSION_ID of os-release(5).
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
