package request

import (
	"net/netip"
	"path"
	"strings"

	api "github.com/moby/moby/api/types/container"

	"box/engine/refuse"
)

// conflicts refuses options that contradict each other, in Docker's words. It considers what the user asked for,
// without the image.
func conflicts(c *api.Config, h *api.HostConfig) error {
	m := h.NetworkMode
	for _, rule := range []struct {
		broken bool
		text   string
	}{
		{(m == "container" || m.IsContainer()) && m.ConnectedContainer() == "",
			"invalid network mode: invalid container format container:<name|id>"},
		{m.IsContainer() && c.Hostname != "", "conflicting options: hostname and the network mode"},
		{m.IsContainer() && len(h.Links) > 0,
			"conflicting options: container type network can't be used with links. This would result in undefined behavior"},
		{m.IsContainer() && len(h.DNS) > 0, "conflicting options: dns and the network mode"},
		{m.IsContainer() && len(h.ExtraHosts) > 0, "conflicting options: custom host-to-IP mapping and the network mode"},
		{m.IsContainer() && (len(h.PortBindings) > 0 || h.PublishAllPorts),
			"conflicting options: port publishing and the container type network mode"},
		{m.IsContainer() && len(c.ExposedPorts) > 0,
			"conflicting options: port exposing and the container type network mode"},
		{h.UTSMode.IsHost() && c.Hostname != "", "conflicting options: hostname and the UTS mode"},
		{m.IsHost() && len(h.Links) > 0,
			"conflicting options: host type networking can't be used with links. This would result in undefined behavior"},
	} {
		if rule.broken {
			return refuse.Invalid("%s", rule.text)
		}
	}
	for _, line := range h.ExtraHosts {
		if err := checkHostLine(line); err != nil {
			return err
		}
	}
	for target := range c.Volumes {
		if !path.IsAbs(target) {
			return refuse.Invalid("invalid volume specification: '%s': invalid mount config for type \"volume\": invalid "+
				"mount path: '%s' mount path must be absolute", target, target)
		}
	}
	if h.Umask != nil && *h.Umask > 0o777 {
		return refuse.Invalid("invalid Umask %d: it is one of 0 to 511 (0777)", *h.Umask)
	}
	for key := range h.Annotations {
		if key == "" {
			return refuse.Invalid("invalid Annotations: the empty string is not permitted as an annotation key")
		}
	}
	return nil
}

// HostGateway stands for the address of the host in --add-host.
const HostGateway = "host-gateway"

// checkHostLine accepts NAME:ADDRESS and NAME=ADDRESS.
func checkHostLine(line string) error {
	name, address, ok := CutHostLine(line)
	if !ok || name == "" {
		return refuse.Invalid("bad format for add-host: %q", line)
	}
	if address == HostGateway {
		return nil
	}
	if _, err := netip.ParseAddr(address); err != nil {
		return refuse.Invalid("invalid IP address in add-host: %q", address)
	}
	return nil
}

// CutHostLine splits a value of --add-host, NAME:ADDRESS or NAME=ADDRESS, and removes the brackets of an IPv6 address.
// ok is false if there is no separator.
func CutHostLine(line string) (name, address string, ok bool) {
	if name, address, ok = strings.Cut(line, "="); !ok {
		name, address, ok = strings.Cut(line, ":")
	}
	return name, strings.TrimSuffix(strings.TrimPrefix(address, "["), "]"), ok
}

// networkWarnings warns about options without effect.
func networkWarnings(h *api.HostConfig) (warnings []string) {
	if h.NetworkMode.IsHost() && len(h.PortBindings) > 0 {
		warnings = append(warnings, "Published ports are discarded when using host network mode")
	}
	return warnings
}
