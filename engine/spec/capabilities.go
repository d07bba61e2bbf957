package spec

import (
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/moby/api/types/container"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"box/engine/refuse"
)

// defaultCapabilities are what Docker leaves a container's root.
var defaultCapabilities = []string{
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW", "CAP_SETGID", "CAP_SETUID",
	"CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL", "CAP_AUDIT_WRITE",
}

// capabilityNames are all of capabilities(7) in the order of their bits.
var capabilityNames = []string{
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID",
	"CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", "CAP_NET_ADMIN",
	"CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE",
	"CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE", "CAP_SYS_TIME",
	"CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL", "CAP_SETFCAP",
	"CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ",
	"CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE",
}

// knownCapabilities are those that the running kernel has and that this process may hand on: its own bounding set.
func knownCapabilities() []string {
	raw, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return capabilityNames
	}
	for line := range strings.Lines(string(raw)) {
		hex, ok := strings.CutPrefix(line, "CapBnd:")
		if !ok {
			continue
		}
		bits, err := strconv.ParseUint(strings.TrimSpace(hex), 16, 64)
		if err != nil {
			break
		}
		var out []string
		for i, name := range capabilityNames {
			if bits&(1<<i) != 0 {
				out = append(out, name)
			}
		}
		return out
	}
	return capabilityNames
}

// capabilities are the sets of a container's first program. A program that does not start as root has none in force,
// as with Docker: only what its file's capabilities give within the bounding set.
func capabilities(h *container.HostConfig, uid uint32) (*specs.LinuxCapabilities, error) {
	list, err := AdjustCapabilities(h.CapAdd, h.CapDrop, h.Privileged)
	if err != nil {
		return nil, err
	}
	return CapabilitySets(list, uid), nil
}

// CapabilitySets are the sets of a program that starts as uid.
func CapabilitySets(list []string, uid uint32) *specs.LinuxCapabilities {
	c := &specs.LinuxCapabilities{Bounding: list}
	if uid == 0 {
		c.Effective, c.Permitted = list, list
	}
	return c
}

// AdjustCapabilities is Docker's default list with add and drop applied; ALL means every one that the kernel knows.
func AdjustCapabilities(add, drop []string, privileged bool) ([]string, error) {
	known := knownCapabilities()
	if privileged {
		return known, nil
	}
	add, err := capabilityList("CapAdd", add)
	if err != nil {
		return nil, err
	}
	if drop, err = capabilityList("CapDrop", drop); err != nil {
		return nil, err
	}
	var out []string
	for _, c := range known {
		in := slices.Contains(defaultCapabilities, c)
		if slices.Contains(drop, "ALL") {
			in = false
		}
		if slices.Contains(add, "ALL") {
			in = true
		}
		if slices.Contains(drop, c) {
			in = false
		}
		if slices.Contains(add, c) {
			in = true
		}
		if in {
			out = append(out, c)
		}
	}
	return out, nil
}

// capabilityList brings the names of an option into the form CAP_NAME and refuses unknown ones.
func capabilityList(option string, names []string) ([]string, error) {
	var out []string
	for _, n := range names {
		c := strings.ToUpper(n)
		if c != "ALL" && !strings.HasPrefix(c, "CAP_") {
			c = "CAP_" + c
		}
		if c == "CAP_ALL" {
			c = "ALL"
		}
		if c != "ALL" && !slices.Contains(capabilityNames, c) {
			return nil, refuse.Invalid("invalid %s: unknown capability: %q", option, c)
		}
		out = append(out, c)
	}
	return out, nil
}
