package resolver

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"box/engine/task"
)

// Zones are the names on networks. All containers share one. The zero value has none.
type Zones struct {
	questions atomic.Int64 // that servers were asked, by all containers

	mu   sync.RWMutex
	byID map[string]*zone
}

// zone is the names on one network.
type zone struct {
	name  string
	hosts map[string]task.Host   // by endpoint
	names map[string][]task.Host // by name, in lower case
	back  map[netip.Addr]string  // address -> first name
}

// Change changes zones as task.Names says.
func (z *Zones) Change(list []task.Zone, whole bool) {
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.byID == nil || whole {
		z.byID = map[string]*zone{}
	}
	for _, c := range list {
		if c.Gone {
			delete(z.byID, c.Network)
			continue
		}
		old := z.byID[c.Network]
		hosts := map[string]task.Host{}
		if old != nil && !c.Whole {
			hosts = old.hosts
		}
		for _, h := range c.Hosts {
			if len(h.Addresses) == 0 {
				delete(hosts, h.Endpoint)
			} else {
				hosts[h.Endpoint] = h
			}
		}
		z.byID[c.Network] = index(c.Name, hosts)
	}
}

func index(name string, hosts map[string]task.Host) *zone {
	z := &zone{name: strings.ToLower(name), hosts: hosts, names: map[string][]task.Host{}, back: map[netip.Addr]string{}}
	for _, h := range hosts {
		for i, n := range h.Names {
			n = strings.ToLower(n)
			z.names[n] = append(z.names[n], h)
			for _, a := range h.Addresses {
				if i == 0 {
					z.back[a] = h.Names[0]
				}
			}
		}
	}
	for _, list := range z.names {
		slices.SortFunc(list, func(a, b task.Host) int { return cmp.Compare(a.Endpoint, b.Endpoint) })
	}
	return z
}

// List returns all zones, each whole, as Change takes them.
func (z *Zones) List() (list []task.Zone) {
	z.mu.RLock()
	defer z.mu.RUnlock()
	for id, known := range z.byID {
		c := task.Zone{Network: id, Name: known.name, Whole: true}
		for _, h := range known.hosts {
			c.Hosts = append(c.Hosts, h)
		}
		list = append(list, c)
	}
	return list
}

// Find returns the addresses of a name, without its last dot, on the first of the networks that has it. known is set if
// one has.
func (z *Zones) Find(networks []string, name string) (addresses []netip.Addr, known bool) {
	z.mu.RLock()
	defer z.mu.RUnlock()
	name = strings.ToLower(name)
	for _, id := range networks {
		in := z.byID[id]
		if in == nil {
			continue
		}
		hosts := in.names[name]
		if short, ok := strings.CutSuffix(name, "."+in.name); ok && hosts == nil {
			hosts = in.names[short]
		}
		for _, h := range hosts {
			addresses = append(addresses, h.Addresses...)
		}
		if len(hosts) > 0 {
			return addresses, true
		}
	}
	return nil, false
}

// Name returns the name of an address on one of the networks, with that of the network, as Docker has it.
func (z *Zones) Name(networks []string, a netip.Addr) (string, bool) {
	z.mu.RLock()
	defer z.mu.RUnlock()
	for _, id := range networks {
		if in := z.byID[id]; in != nil {
			if name, ok := in.back[a]; ok {
				return name + "." + in.name, true
			}
		}
	}
	return "", false
}
