package engine

import (
	"sort"
	"sync"

	apinetwork "github.com/moby/moby/api/types/network"

	"box/engine/lifecycle"
	"box/engine/network"
	"box/engine/request"
)

// ports are the published ports of a container: those that -p names, and with -P every exposed one that it does not.
func ports(rec *lifecycle.Record) []network.Port {
	var list []network.Port
	for p, bindings := range rec.Host.PortBindings {
		if len(bindings) == 0 {
			bindings = []apinetwork.PortBinding{{}}
		}
		for _, b := range bindings {
			first, last := request.HostPorts(b.HostPort)
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

// sparedPorts are the host ports that containers ask for that are about to be started together: those of them that take any port must not
// take one of these.
type sparedPorts struct {
	mu    sync.Mutex
	count map[sparedPort]int
}

type sparedPort struct {
	proto string
	host  uint16
}

func (s *sparedPorts) has(proto string, host uint16) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count[sparedPort{proto, host}] > 0
}

// spare keeps the fixed ports of a container until free is called.
func (s *sparedPorts) spare(rec *lifecycle.Record) (free func()) {
	add := func(n int) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.count == nil {
			s.count = map[sparedPort]int{}
		}
		for _, p := range ports(rec) {
			if p.Host == 0 || p.HostEnd > p.Host {
				continue
			}
			key := sparedPort{p.Proto, p.Host}
			if s.count[key] += n; s.count[key] == 0 {
				delete(s.count, key)
			}
		}
	}
	add(1)
	return func() { add(-1) }
}
