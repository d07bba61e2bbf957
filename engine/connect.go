package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"time"

	api "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
	apinetwork "github.com/moby/moby/api/types/network"

	"box/engine/endpoint"
	"box/engine/ident"
	"box/engine/lifecycle"
	"box/engine/network"
	"box/engine/network/catalog"
	"box/engine/refuse"
	"box/engine/request"
	"box/engine/state"
)

var errHostNetwork = refuse.Invalid("container cannot be disconnected from host network or connected to host network")

// Connect connects a container to a network: at once if it runs, else from its next start on. When it returns, that
// survives a crash.
func (e *Engine) Connect(ctx context.Context, ref, container string, s *apinetwork.EndpointSettings) (err error) {
	defer e.actions.Time("network", "connect", &err)()
	c, n, err := e.member(ref, container)
	if err != nil {
		return err
	}
	c.Lock()
	defer c.Unlock()
	rec := c.Record()
	st, _ := c.Now()
	if err := e.mayConnect(c, &rec, &st, n, s); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	networks := maps.Clone(rec.Networks)
	if networks == nil {
		networks = map[string]*apinetwork.EndpointSettings{}
	}
	networks[n.Name] = e.settingsFor(n, s)
	if !st.Running() {
		return e.saveNetworks(c, networks)
	}
	before, _ := e.places(&rec)
	rec.Networks = networks
	after, _ := e.places(&rec)
	endpoints, named, err := e.joinLate(ctx, &rec, n, before, after, &st)
	if err != nil {
		return err
	}
	// The status first: an endpoint that no record tells of is taken away when the daemon starts.
	c.Change(func(s *lifecycle.Status) { s.Endpoints = endpoints })
	if err := e.saveNetworks(c, networks); err != nil {
		e.leaveEarly(ctx, c, n, after, before)
		return err
	}
	e.renewFiles(c, named)
	return nil
}

// Disconnect takes a container off a network. When it returns, that survives a crash.
func (e *Engine) Disconnect(ctx context.Context, ref, container string, force bool) (err error) {
	defer e.actions.Time("network", "release", &err)()
	c, n, err := e.member(ref, container)
	if err != nil {
		if n != nil && force {
			return refuse.NotFound("endpoint %s not found", container)
		}
		return err
	}
	c.Lock()
	defer c.Unlock()
	rec := c.Record()
	st, _ := c.Now()
	_, on := rec.Networks[n.Name]
	switch {
	case c.Gone() || st.State == api.StateRemoving || st.State == api.StateDead:
		return errRemoval(&rec)
	case !on:
		return fmt.Errorf("container %s is not connected to network %s", rec.ID, n.Name)
	case n.Name == "host":
		return errHostNetwork
	}
	ctx = context.WithoutCancel(ctx)
	before, _ := e.places(&rec)
	networks := maps.Clone(rec.Networks)
	delete(networks, n.Name)
	if err := e.saveNetworks(c, networks); err != nil {
		return err
	}
	if st.Running() {
		rec.Networks = networks
		after, _ := e.places(&rec)
		e.leaveEarly(ctx, c, n, before, after)
		e.renewFiles(c, false)
	}
	e.publishEndpoint(ctx, events.ActionDisconnect, rec.ID, n)
	return nil
}

// member finds a network and a container. The network is returned even if the container is not there.
func (e *Engine) member(ref, container string) (*lifecycle.Container, *catalog.Record, error) {
	n, err := e.nets.Find(ref)
	if err != nil {
		return nil, nil, err
	}
	c, err := e.container(container)
	if err != nil {
		return nil, n, err
	}
	return c, n, e.here(c)
}

func errRemoval(rec *lifecycle.Record) error {
	return refuse.Conflict("Container %s is marked for removal and cannot be connected or disconnected to the network", rec.ID)
}

// mayConnect refuses what is not possible, in Docker's words.
func (e *Engine) mayConnect(c *lifecycle.Container, rec *lifecycle.Record, st *lifecycle.Status, n *catalog.Record,
	s *apinetwork.EndpointSettings) error {
	_, on := rec.Networks[n.Name]
	_, none := rec.Networks["none"]
	switch mode := rec.Host.NetworkMode; {
	case c.Gone() || st.State == api.StateRemoving || st.State == api.StateDead:
		return errRemoval(rec)
	case mode.IsContainer() || mode.IsHost() && n.Name != "host":
		return refuse.Invalid("container sharing network namespace with another container or host cannot be connected to any " +
			"other network")
	case n.Name == "host":
		return errHostNetwork
	case n.ConfigOnly:
		return refuse.Denied("cannot create endpoint on configuration-only network")
	}
	if err := endpoint.Check(n, s); err != nil {
		return err
	}
	switch {
	case on && st.Running():
		return refuse.Denied("endpoint with name %s already exists in network %s", rec.Name, n.Name)
	case (none || n.Name == "none") && !on && len(rec.Networks) > 0:
		return refuse.Invalid("container cannot be connected to multiple networks with one of the networks in private (none) " +
			"mode")
	}
	return nil
}

// saveNetworks changes the networks of a container durably.
func (e *Engine) saveNetworks(c *lifecycle.Container, networks map[string]*apinetwork.EndpointSettings) error {
	rec := c.Record()
	rec.Networks = networks
	if err := e.db.Batch(func(tx *state.Tx) error { return lifecycle.Records.Put(tx, rec.ID, rec) }); err != nil {
		return err
	}
	c.Reconfigure(func(r *lifecycle.Record) { r.Networks = networks })
	e.writeBeside(&rec)
	return nil
}

// joinLate joins a running container to one more network, and moves its gateway and ports if they belong there. It
// returns the container's endpoints, and whether it finds others by name.
func (e *Engine) joinLate(ctx context.Context, rec *lifecycle.Record, n *catalog.Record, before, after []endpoint.Place,
	st *lifecycle.Status) (list []network.Endpoint, named bool, err error) {
	if !n.Linked() {
		return st.Endpoints, false, nil
	}
	i := slices.IndexFunc(after, func(p endpoint.Place) bool { return p.Network.ID == n.ID })
	if i < 0 {
		return nil, false, refuse.NotFound("network %s not found", n.Name)
	}
	four, six := endpoint.Gateways(before)
	first := four == "" && six == "" // then the new one may publish at once
	new4, new6 := endpoint.Gateways(after)
	ep, err := e.attach(ctx, rec, &after[i], first && cmp.Or(new4, new6) == n.ID)
	if err != nil {
		return nil, false, err
	}
	list = append(slices.Clone(st.Endpoints), ep)
	if !first {
		err = e.moveGateway(ctx, rec, list, before, after)
	}
	if err == nil {
		named, err = e.tellNames(ctx, rec, after, &sandbox{path: st.Sandbox, endpoints: list})
	}
	if err != nil {
		if !first {
			err = errors.Join(err, e.moveGateway(ctx, rec, list, after, before))
		}
		e.detach(ctx, ep)
		return nil, false, err
	}
	return list, named, nil
}

// leaveEarly takes a running container off a network. What fails is only logged: the record has it already.
func (e *Engine) leaveEarly(ctx context.Context, c *lifecycle.Container, n *catalog.Record,
	before, after []endpoint.Place) {
	rec := c.Record()
	st, _ := c.Now()
	list := slices.Clone(st.Endpoints)
	i := slices.IndexFunc(list, func(ep network.Endpoint) bool { return ep.Network == n.ID })
	if i < 0 {
		return
	}
	gone := list[i]
	if err := e.moveGateway(ctx, &rec, list, before, after); err != nil {
		e.log.Error("move the ports to another network", "container", ident.Short(rec.ID), "error", err)
	}
	gone.Ports = list[i].Ports
	e.detach(ctx, gone)
	awaitGone(ctx, gone.HostLink)
	list = slices.Delete(list, i, i+1)
	c.Change(func(s *lifecycle.Status) { s.Endpoints = list })
	e.forgetNames(ctx, "", []network.Endpoint{gone})
	if _, err := e.tellNames(ctx, &rec, after, &sandbox{path: st.Sandbox, endpoints: list}); err != nil {
		e.log.Error("names of a container", "container", ident.Short(rec.ID), "error", err)
	}
}

// awaitGone waits until a link is gone, since who disconnects a container looks for that next. The kernel takes some
// ten milliseconds.
func awaitGone(ctx context.Context, link string) {
	for end := time.Now().Add(time.Second); ctx.Err() == nil && time.Now().Before(end); time.Sleep(time.Millisecond) {
		if _, err := net.InterfaceByName(link); err != nil {
			return
		}
	}
}

// moveGateway moves the default routes and the published ports of a running container to the networks that have them
// after its networks changed. It writes the ports into list.
func (e *Engine) moveGateway(ctx context.Context, rec *lifecycle.Record, list []network.Endpoint,
	before, after []endpoint.Place) error {
	old4, old6 := endpoint.Gateways(before)
	new4, new6 := endpoint.Gateways(after)
	if old4 == new4 && old6 == new6 {
		return nil
	}
	from, to := cmp.Or(old4, old6), cmp.Or(new4, new6)
	for i := range list {
		if ep := &list[i]; from != to && ep.Network == from && len(ep.Ports) > 0 {
			if err := e.o.Net.Unpublish(ctx, ep.ID); err != nil {
				return err
			}
			ep.Ports = nil
		}
	}
	if err := e.o.Net.Reroute(ctx, rec.ID, endpointOn(list, new4), endpointOn(list, new6)); err != nil {
		return err
	}
	for i := range list {
		ports := request.Ports(rec.Config, rec.Host)
		if ep := &list[i]; from != to && ep.Network == to && len(ports) > 0 {
			bound, err := e.o.Net.Publish(ctx, ep.ID, rec.Name, ports, e.spared.Has)
			if err != nil {
				return err
			}
			ep.Ports = bound
		}
	}
	return nil
}
