package check

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

func privilege(h host) []finding {
	if h.uid == 0 {
		return []finding{ok("user is root")}
	}
	return []finding{{fatal, fmt.Sprintf("user is %d instead of root", h.uid),
		"namespaces, mounts and networks of containers cannot be created",
		"run box dockerd (and this check) as root"}}
}

// Kernel releases from which something works.
var (
	oldest = [2]int{4, 4}  // cgroup namespaces
	peers  = [2]int{4, 13} // opening a terminal by its master (ioctl_tty(2), TIOCGPTPEER)
	natted = [2]int{4, 18} // NAT by nf_tables beside legacy iptables
)

// proc checks /proc, which other probes need.
func proc(h host) []finding {
	if !h.exists("proc/sys/kernel/osrelease") {
		return []finding{{fatal, "/proc is not mounted",
			"settings of the kernel cannot be read or changed, and other checks were skipped",
			"mount -t proc proc /proc, and run this again"}}
	}
	return []finding{ok("/proc is mounted")}
}

func kernel(h host) []finding {
	release, err := h.read("proc/sys/kernel/osrelease")
	if err != nil {
		return []finding{{fatal, err.Error(), "the version of the kernel is not known", "mount -t proc proc /proc"}}
	}
	version, known := parseRelease(release)
	switch {
	case !known:
		return []finding{{worse, "kernel " + release, "its version is not known",
			"nothing needs to be done if the lines below are ok"}}
	case older(version, oldest):
		return []finding{{fatal, "kernel " + release, "it lacks system calls that starting a container needs",
			"boot Linux 4.4 or newer"}}
	case older(version, peers):
		return []finding{{worse, "kernel " + release,
			"containers have no terminal (-t), and a process forwards published ports", "boot Linux 4.18 or newer"}}
	case older(version, natted):
		return []finding{{worse, "kernel " + release,
			"a process forwards published ports, and containers cannot reach other networks beside legacy iptables",
			"boot Linux 4.18 or newer"}}
	}
	return []finding{ok("kernel %s", release)}
}

// parseRelease parses the first two numbers of a release such as "6.1.0-37-cloud-amd64".
func parseRelease(release string) ([2]int, bool) {
	parts := strings.SplitN(release, ".", 3)
	if len(parts) < 2 {
		return [2]int{}, false
	}
	major, err := strconv.Atoi(parts[0])
	digits := strings.IndexFunc(parts[1]+" ", func(r rune) bool { return r < '0' || r > '9' })
	minor, err2 := strconv.Atoi(parts[1][:digits])
	return [2]int{major, minor}, err == nil && err2 == nil
}

func older(a, b [2]int) bool { return slices.Compare(a[:], b[:]) < 0 }

// namespaceOptions are the namespaces of a container, and the kernel options that enable them.
var namespaceOptions = [...]struct {
	name, option string
	needed       bool
}{
	{"pid", "CONFIG_PID_NS", true}, {"mnt", "CONFIG_NAMESPACES", true}, {"net", "CONFIG_NET_NS", true},
	{"ipc", "CONFIG_IPC_NS", true},
	{"uts", "CONFIG_UTS_NS", true}, {"cgroup", "CONFIG_CGROUPS", false}, {"user", "CONFIG_USER_NS", false},
}

func namespaces(h host) []finding {
	var found []finding
	var have []string
	for _, n := range namespaceOptions {
		switch {
		case h.exists("proc/self/ns/" + n.name):
			have = append(have, n.name)
		case n.needed:
			found = append(found, finding{fatal, "kernel without " + n.name + " namespaces", "containers cannot be isolated",
				"boot a kernel with " + n.option})
		default:
			found = append(found, finding{worse, "kernel without " + n.name + " namespaces",
				"--" + n.name + "ns and remapped users do not work",
				"boot a kernel with " + n.option})
		}
	}
	return append([]finding{ok("namespaces: %s", strings.Join(have, " "))}, found...)
}

// controllers are the cgroup controllers that limits of containers need.
var controllers = [...]struct {
	names       []string // any of them will do: v1's and v2's
	consequence string
}{
	{[]string{"memory"}, "--memory is not enforced and stats show no memory"},
	{[]string{"cpu"}, "--cpus and --cpu-shares are not enforced"},
	{[]string{"cpuset"}, "--cpuset-cpus is not enforced"},
	{[]string{"pids"}, "--pids-limit is not enforced: a container can fill the process table"},
	{[]string{"io", "blkio"}, "--blkio-weight and --device-read-bps are not enforced"},
}

func controlGroups(h host) []finding {
	have := map[string]bool{}
	unified, err := h.read("sys/fs/cgroup/cgroup.controllers")
	version := "v2"
	if err == nil {
		for _, name := range strings.Fields(unified) {
			have[name] = true
		}
	} else {
		version = "v1 or not mounted yet"
		list, _ := h.read("proc/cgroups")
		for line := range strings.Lines(list) { // name, hierarchy, groups, enabled
			if w := strings.Fields(line); len(w) == 4 && w[3] == "1" {
				have[w[0]] = true
			}
		}
	}
	if len(have) == 0 {
		return []finding{{fatal, "kernel without control groups",
			"containers cannot be stopped or limited",
			"boot a kernel with CONFIG_CGROUPS and the controllers memory, cpu, cpuset and pids"}}
	}
	found := []finding{ok("control groups (%s)", version)}
	for _, c := range controllers {
		if !slices.ContainsFunc(c.names, func(n string) bool { return have[n] }) {
			found = append(found, finding{worse, "control group " + c.names[0] + " is missing", c.consequence,
				"boot with cgroup_enable=" + c.names[0] + " or a kernel that has it"})
		}
	}
	return found
}

func seccomp(h host) []finding {
	status, _ := h.read("proc/self/status")
	for line := range strings.Lines(status) {
		if strings.HasPrefix(line, "Seccomp:") {
			return []finding{ok("seccomp filters")}
		}
	}
	return []finding{{worse, "kernel without seccomp",
		"containers can use all system calls; those with a profile do not start",
		"boot a kernel with CONFIG_SECCOMP_FILTER, or run containers with --security-opt seccomp=unconfined"}}
}

// built is a date that every correct clock has passed.
var built = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

func clock(h host) []finding {
	if h.now.Before(built) {
		return []finding{{worse, "clock says " + h.now.UTC().Format(time.DateOnly),
			"certificates of registries are not valid yet: pull and push fail",
			"set the clock (date -s, or an NTP client)"}}
	}
	return []finding{ok("clock %s", h.now.UTC().Format(time.RFC3339))}
}
