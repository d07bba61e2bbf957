package enginetest

import (
	"context"
	"slices"

	"box/engine/task"
)

var _ task.Namer = (*Launcher)(nil)

// Names implements task.Namer. Zone and Resolver tell what it was told.
func (l *Launcher) Names(_ context.Context, n task.Names) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n.Whole {
		clear(l.zones)
		clear(l.resolvers)
	}
	for _, z := range n.Zones {
		if z.Gone {
			delete(l.zones, z.Network)
			continue
		}
		hosts := l.zones[z.Network].Hosts
		if z.Whole {
			hosts = nil
		}
		for _, h := range z.Hosts {
			hosts = slices.DeleteFunc(slices.Clone(hosts), func(old task.Host) bool { return old.Endpoint == h.Endpoint })
			if len(h.Addresses) > 0 {
				hosts = append(hosts, h)
			}
		}
		l.zones[z.Network] = task.Zone{Network: z.Network, Name: z.Name, Hosts: hosts}
	}
	for _, r := range n.Resolvers {
		if r.Gone {
			delete(l.resolvers, r.Container)
			continue
		}
		l.resolvers[r.Container] = r
	}
	return nil
}

// Zone returns the names of a network that the launcher was told, and whether there are any.
func (l *Launcher) Zone(network string) (z task.Zone, known bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	z, known = l.zones[network]
	return z, known
}

// Resolver returns the settings of a container's resolver, and whether it has one. As with a real launcher, it is gone
// when the container's program has ended.
func (l *Launcher) Resolver(container string) (r task.Resolver, known bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r, known = l.resolvers[container]
	return r, known
}
