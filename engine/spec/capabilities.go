package spec

import (
	"slices"
	"strings"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/sys/capability"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"box/engine/refuse"
)

// defaultCapabilities are Docker's default capabilities.
var defaultCapabilities = []string{
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW", "CAP_SETGID", "CAP_SETUID",
	"CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL", "CAP_AUDIT_WRITE",
}

// knownCapabilities returns the capabilities that the running kernel has and this process can pass on: those in its
// bounding set.
func knownCapabilities() []string {
	var out []string
	for _, c := range capability.ListKnown() {
		if ours, err := capability.GetBound(c); err == nil && ours {
			out = append(out, capabilityName(c))
		}
	}
	return out
}

func capabilityName(c capability.Cap) string { return "CAP_" + strings.ToUpper(c.String()) }

// capabilities returns the sets of the container's first program. As in Docker, a program that does not start as root
// has no effective ones: it can only get those of its file within the bounding set.
func capabilities(h *container.HostConfig, uid uint32) (*specs.LinuxCapabilities, error) {
	list, err := AdjustCapabilities(h.CapAdd, h.CapDrop, h.Privileged)
	if err != nil {
		return nil, err
	}
	return CapabilitySets(list, uid), nil
}

// CapabilitySets returns the sets of a program that starts as uid.
func CapabilitySets(list []string, uid uint32) *specs.LinuxCapabilities {
	c := &specs.LinuxCapabilities{Bounding: list}
	if uid == 0 {
		c.Effective, c.Permitted = list, list
	}
	return c
}

// AdjustCapabilities applies add and drop to Docker's default list. ALL means all that the kernel knows.
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

// capabilityList normalizes the names of an option to CAP_NAME, and refuses unknown ones.
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
		is := func(known capability.Cap) bool { return capabilityName(known) == c }
		if c != "ALL" && !slices.ContainsFunc(capability.ListKnown(), is) {
			return nil, refuse.Invalid("invalid %s: unknown capability: %q", option, c)
		}
		out = append(out, c)
	}
	return out, nil
}
