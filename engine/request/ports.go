package request

import (
	"cmp"
	"slices"

	api "github.com/moby/moby/api/types/container"
	apinetwork "github.com/moby/moby/api/types/network"

	"box/engine/network"
)

// badHostPort returns a port of the host in bindings that is not a number or a range, or "".
func badHostPort(bindings apinetwork.PortMap) string {
	for _, list := range bindings {
		for _, b := range list {
			if b.HostPort == "" {
				continue
			}
			if _, err := apinetwork.ParsePortRange(b.HostPort); err != nil {
				return b.HostPort
			}
		}
	}
	return ""
}

// HostPorts parses "8080", "8000-8010" or "" (any).
func HostPorts(s string) (first, last uint16) {
	r, err := apinetwork.ParsePortRange(s)
	if err != nil {
		return 0, 0
	}
	return r.Start(), r.End()
}

// Ports returns the published ports of a container: those of -p and, with -P, all other exposed ones.
func Ports(c *api.Config, h *api.HostConfig) []network.Port {
	var list []network.Port
	for p, bindings := range h.PortBindings {
		if len(bindings) == 0 {
			bindings = []apinetwork.PortBinding{{}}
		}
		for _, b := range bindings {
			first, last := HostPorts(b.HostPort)
			list = append(list, network.Port{
				Proto: string(p.Proto()), Container: p.Num(), HostIP: b.HostIP, Host: first, HostEnd: last,
			})
		}
	}
	if h.PublishAllPorts {
		for p := range c.ExposedPorts {
			if _, named := h.PortBindings[p]; !named {
				list = append(list, network.Port{Proto: string(p.Proto()), Container: p.Num()})
			}
		}
	}
	slices.SortFunc(list, func(a, b network.Port) int { return cmp.Compare(a.Container, b.Container) })
	return list
}
