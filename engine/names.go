package engine

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/containerd/errdefs"

	"box/engine/endpoint"
	"box/engine/ident"
	"box/engine/lifecycle"
	"box/engine/network"
	"box/engine/network/catalog"
	"box/engine/task"
)

// tellNames tells the keeper by which names a container is found on its networks, and what it finds there itself.
// It returns false if nobody answers the container's questions.
func (e *Engine) tellNames(ctx context.Context, rec *lifecycle.Record, list []endpoint.Place, j *sandbox) (bool, error) {
	namer, ok := e.o.Tasks.(task.Namer)
	if !ok {
		return false, nil
	}
	n := e.namesOf(rec, list, j)
	if len(n.Zones) == 0 {
		return false, nil
	}
	err := namer.Names(ctx, n)
	if errdefs.IsNotImplemented(err) {
		e.log.Warn("names in containers", "error", err)
		return false, nil
	}
	return err == nil, err
}

// namesWork tells why containers would not find each other by name, or nil.
func (e *Engine) namesWork(ctx context.Context) error {
	namer, ok := e.o.Tasks.(task.Namer)
	if !ok {
		return fmt.Errorf("nobody answers questions for names: %w", errdefs.ErrNotImplemented)
	}
	return namer.Names(ctx, task.Names{})
}

// namesOf returns a container's part of the zones, and its resolver. There are none for one that is on no network of
// its user's own.
func (e *Engine) namesOf(rec *lifecycle.Record, list []endpoint.Place, j *sandbox) (n task.Names) {
	for _, p := range list {
		for _, ep := range j.endpoints {
			if ep.Network == p.Network.ID && endpoint.Named(p.Network) {
				n.Zones = append(n.Zones, task.Zone{Network: ep.Network, Name: p.Network.Name,
					Hosts: []task.Host{endpoint.Host(rec, p.Want, ep)}})
			}
		}
	}
	if len(n.Zones) > 0 {
		n.Resolvers = []task.Resolver{e.resolverOf(rec, list, j.path)}
	}
	return n
}

func (e *Engine) resolverOf(rec *lifecycle.Record, list []endpoint.Place, path string) task.Resolver {
	servers := rec.Host.DNS
	if len(servers) == 0 {
		servers = e.settings().Container.DNS
	}
	return task.Resolver{Container: rec.ID, Namespace: path, Networks: endpoint.Order(list),
		Links: endpoint.Links(rec, list, e.nameOf), Internal: endpoint.CutOff(list),
		Servers: append([]netip.Addr(nil), servers...), HostFile: e.o.ResolvConf}
}

// nameOf returns the present name of a container, or what it was asked by if there is none.
func (e *Engine) nameOf(ref string) string {
	c, err := e.container(ref)
	if err != nil {
		return ref
	}
	return c.Record().Name
}

// forgetNames takes endpoints out of the zones of their networks, and ends the resolver of a container, if it is given.
func (e *Engine) forgetNames(ctx context.Context, container string, endpoints []network.Endpoint) {
	namer, ok := e.o.Tasks.(task.Namer)
	if !ok {
		return
	}
	var n task.Names
	for _, ep := range endpoints {
		if r, err := e.nets.Find(ep.Network); err == nil && endpoint.Named(r) {
			n.Zones = append(n.Zones, task.Zone{Network: r.ID, Name: r.Name, Hosts: []task.Host{{Endpoint: ep.ID}}})
		}
	}
	if len(n.Zones) == 0 {
		return
	}
	if container != "" {
		n.Resolvers = []task.Resolver{{Container: container, Gone: true}}
	}
	if err := namer.Names(ctx, n); err != nil && !errdefs.IsNotImplemented(err) {
		e.log.Warn("names of a container that left", "container", ident.Short(container), "error", err)
	}
}

// dropZone drops the names of a network that was removed.
func (e *Engine) dropZone(ctx context.Context, r *catalog.Record) {
	namer, ok := e.o.Tasks.(task.Namer)
	if !ok || !endpoint.Named(r) {
		return
	}
	err := namer.Names(ctx, task.Names{Zones: []task.Zone{{Network: r.ID, Name: r.Name, Gone: true}}})
	if err != nil && !errdefs.IsNotImplemented(err) {
		e.log.Warn("names of a network that was removed", "network", r.Name, "error", err)
	}
}

// renamed tells the keeper the new name of a running container, and what those find that link to it.
func (e *Engine) renamed(ctx context.Context, c *lifecycle.Container) {
	namer, ok := e.o.Tasks.(task.Namer)
	if !ok {
		return
	}
	var n task.Names
	for _, other := range e.all() {
		rec, st, _ := other.See()
		if !st.Running() {
			continue
		}
		list, _ := e.places(&rec)
		all := e.namesOf(&rec, list, &sandbox{path: st.Sandbox, endpoints: st.Endpoints})
		if other == c {
			n.Zones = append(n.Zones, all.Zones...)
		}
		for _, r := range all.Resolvers {
			if len(r.Links) > 0 {
				n.Resolvers = append(n.Resolvers, r)
			}
		}
	}
	if len(n.Zones)+len(n.Resolvers) == 0 {
		return
	}
	if err := namer.Names(ctx, n); err != nil && !errdefs.IsNotImplemented(err) {
		e.log.Warn("names of a container that was renamed", "container", ident.Short(c.ID()), "error", err)
	}
}

// tellAllNames tells the keeper all names. One that has them already goes on answering meanwhile.
func (e *Engine) tellAllNames(ctx context.Context) {
	namer, ok := e.o.Tasks.(task.Namer)
	if !ok {
		return
	}
	n := task.Names{Whole: true}
	zones := map[string]int{}
	for _, r := range e.nets.List() {
		if endpoint.Named(r) {
			zones[r.ID] = len(n.Zones)
			n.Zones = append(n.Zones, task.Zone{Network: r.ID, Name: r.Name, Whole: true})
		}
	}
	for _, c := range e.all() {
		rec, st, _ := c.See()
		if !st.Running() {
			continue
		}
		list, _ := e.places(&rec)
		own := e.namesOf(&rec, list, &sandbox{path: st.Sandbox, endpoints: st.Endpoints})
		for _, z := range own.Zones {
			if i, known := zones[z.Network]; known {
				n.Zones[i].Hosts = append(n.Zones[i].Hosts, z.Hosts...)
			}
		}
		n.Resolvers = append(n.Resolvers, own.Resolvers...)
	}
	if err := namer.Names(ctx, n); err != nil && !errdefs.IsNotImplemented(err) {
		e.log.Error("names in containers", "error", errors.Join(err))
	}
}
