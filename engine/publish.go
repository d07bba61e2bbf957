package engine

import (
	"sort"

	apinetwork "github.com/moby/moby/api/types/network"

	"box/engine/network"
)

// ports are the published ports of a container: those that -p names, and with -P every exposed one that it does not.
func ports(rec *record) []network.Port {
	var list []network.Port
	for p, bindings := range rec.Host.PortBindings {
		if len(bindings) == 0 {
			bindings = []apinetwork.PortBinding{{}}
		}
		for _, b := range bindings {
			first, last := hostPorts(b.HostPort)
			list = append(list, network.Port{
				Proto: string(p.Proto()), Container: p.Num(), HostIP: b.HostIP, Host: first, HostEnd: last,
			})
		}
	}
	if rec.Host.PublishAllPorts {
		for p := range rec.Config.ExposedPorts {
			if _, named := rec.Host.PortBindings[p]; !named {
				list = append(list, network.Port{Proto: string(p.Proto()), Container: p.Num()})
			}
		}
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Container < list[j].Container })
	return list
}

// hostPorts reads "8080", "8000-8010" or "" (any).
func hostPorts(s string) (first, last uint16) {
	r, err := apinetwork.ParsePortRange(s)
	if err != nil {
		return 0, 0
	}
	return r.Start(), r.End()
}
