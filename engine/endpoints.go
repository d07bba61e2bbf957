package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"

	"github.com/containerd/errdefs"
	api "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
	apinetwork "github.com/moby/moby/api/types/network"

	"box/engine/ident"
	"box/engine/lifecycle"
	"box/engine/network"
	"box/engine/refuse"
	"box/engine/request"
	"box/engine/userns"
)

// wantedNetworks returns the endpoints that a new container asks for, by name of the network, and normalizes the
// network mode as inspect shows it.
func (e *Engine) wantedNetworks(rec *lifecycle.Record,
	q *apinetwork.NetworkingConfig) (map[string]*apinetwork.EndpointSettings, error) {
	h := rec.Host
	switch {
	case h.NetworkMode == "" || h.NetworkMode.IsDefault():
		h.NetworkMode = "bridge"
		if rec.Config.NetworkDisabled || e.networkNamed("bridge") == nil {
			h.NetworkMode = "none"
		}
	case h.NetworkMode.IsContainer():
		return map[string]*apinetwork.EndpointSettings{}, nil
	}
	n, err := e.netRecordFor(string(h.NetworkMode))
	if errdefs.IsNotFound(err) { // a start says so, as Docker's: after a create, clients take it for a missing image
		n, err = &netRecord{Network: network.Network{Name: string(h.NetworkMode)}}, nil
	}
	if err != nil {
		return nil, err
	}
	out := map[string]*apinetwork.EndpointSettings{n.Name: {}}
	if q == nil {
		return out, nil
	}
	for name, s := range q.EndpointsConfig {
		if name == "default" {
			name = n.Name
		}
		if name != n.Name && name != n.ID {
			return nil, refuse.Invalid("Container cannot be connected to network endpoints: %s, %s", n.Name, name)
		}
		if s != nil {
			out[n.Name] = s.Copy()
		}
	}
	return out, checkEndpoint(n, out[n.Name])
}

// CheckEndpoint refuses what a network cannot give to containers.
func (e *Engine) CheckEndpoint(ref string, ep *apinetwork.EndpointSettings) error {
	n, err := e.netRecordFor(ref)
	if err != nil || ep == nil {
		return err
	}
	return checkEndpoint(n, ep)
}

// checkEndpoint refuses what only user-defined networks can give to a container.
func checkEndpoint(n *netRecord, ep *apinetwork.EndpointSettings) error {
	if !slices.Contains([]string{"bridge", "host", "none"}, n.Name) {
		return nil
	}
	problem := ""
	switch ip := ep.IPAMConfig; {
	case ip != nil && (ip.IPv4Address.IsValid() || ip.IPv6Address.IsValid()):
		problem = "user specified IP address is supported on user defined networks only"
	case len(ep.Aliases) > 0:
		problem = "network-scoped alias is supported only for containers in user defined networks"
	default:
		return nil
	}
	return refuse.Invalid("invalid config for network %s: invalid endpoint settings:\n%s", n.Name, problem)
}

// sandbox is the network of a container.
type sandbox struct {
	path      string // of the namespace, "" for the host's
	own       bool   // made for this container
	endpoints []network.Endpoint

	users  string         // path of the user namespace, "" for the host's
	holder *userns.Holder // keeps users until the container runs
}

// release releases what only a start needs.
func (j *sandbox) release() {
	if j.holder != nil {
		j.holder.Close()
	}
}

func ownsSandbox(h *api.HostConfig) bool {
	return !h.NetworkMode.IsHost() && !h.NetworkMode.IsContainer()
}

// join connects a container that is being started to its networks. After an error, leave must still be called with what
// is in j.
func (e *Engine) join(ctx context.Context, c *lifecycle.Container, rec *lifecycle.Record) (j sandbox, err error) {
	defer e.actions.Time("network", "connect", &err)()
	defer func() {
		for _, n := range e.withoutEndpoint(rec) {
			if err == nil {
				e.publishEndpoint(ctx, events.ActionConnect, rec.ID, n)
			}
		}
	}()
	switch mode := rec.Host.NetworkMode; {
	case mode.IsHost():
		return j, nil
	case mode.IsContainer():
		lender, err := e.container(mode.ConnectedContainer())
		if err == nil && lender == c {
			return j, refuse.Internal("cannot join own network")
		}
		pid, err := e.pidOf(mode.ConnectedContainer())
		if errors.As(err, new(*notRunning)) {
			err = refuse.Conflict("cannot join network of a non running container: %s", lender.ID())
		}
		j = sandbox{path: fmt.Sprintf("/proc/%d/ns/net", pid)}
		if e.remapped(rec.Host) {
			j.users = fmt.Sprintf("/proc/%d/ns/user", pid)
		}
		return j, err
	}
	if e.o.Net == nil {
		return j, refuse.Conflict("this daemon has no network for containers: use --network host")
	}
	from := ""
	if e.remapped(rec.Host) {
		if err := e.holdUsers(rec, &j); err != nil {
			return j, err
		}
		from = j.holder.Network()
	}
	if j.path, err = e.o.Net.Sandbox(ctx, rec.ID, from, nil); err != nil {
		return j, err
	}
	j.own = true
	for name, want := range rec.Networks {
		n, err := e.netRecordFor(name)
		if err != nil {
			return j, err
		}
		if n.Driver != "bridge" {
			continue
		}
		ep, err := e.o.Net.Join(ctx, joinRequest(rec, n, want, e.spared.Has))
		if err != nil {
			return j, err
		}
		j.endpoints = append(j.endpoints, ep)
		e.publishEndpoint(ctx, events.ActionConnect, rec.ID, n)
	}
	return j, nil
}

// withoutEndpoint lists the networks of a container in which it has no endpoint: host and none.
func (e *Engine) withoutEndpoint(rec *lifecycle.Record) (list []*netRecord) {
	for name := range rec.Networks {
		if n, err := e.netRecordFor(name); err == nil && n.Driver != "bridge" {
			list = append(list, n)
		}
	}
	return list
}

func (e *Engine) publishEndpoint(ctx context.Context, action events.Action, container string, n *netRecord) {
	e.bus.Publish(ctx, events.NetworkEventType, action, n.ID,
		map[string]string{"container": container, "name": n.Name, "type": n.Driver})
}

func joinRequest(rec *lifecycle.Record, n *netRecord, want *apinetwork.EndpointSettings,
	spared func(string, uint16) bool) network.Request {
	r := network.Request{Container: rec.ID, Name: rec.Name, Network: n.ID, Endpoint: ident.New(),
		Gateway: true,
		Ports:   request.Ports(rec.Config, rec.Host), Spared: spared}
	if want == nil {
		return r
	}
	if want.IPAMConfig != nil {
		r.Address = want.IPAMConfig.IPv4Address
	}
	if len(want.MacAddress) > 0 {
		r.MAC = net.HardwareAddr(want.MacAddress)
	}
	return r
}

// leave undoes join. The returned function publishes it.
func (e *Engine) leave(ctx context.Context, c *lifecycle.Container, endpoints []network.Endpoint,
	own bool) (tell func()) {
	rec := c.Record()
	left := e.withoutEndpoint(&rec)
	tell = func() {
		for _, n := range left {
			e.publishEndpoint(ctx, events.ActionDisconnect, c.ID(), n)
		}
	}
	if e.o.Net == nil {
		return tell
	}
	defer e.actions.Time("network", "release", new(error))()
	for _, ep := range endpoints {
		if err := e.o.Net.Leave(ctx, ep); err != nil {
			e.log.Warn("leave network", "container", ident.Short(c.ID()), "error", err)
		}
		if n, err := e.netRecordFor(ep.Network); err == nil {
			left = append(left, n)
		}
	}
	if own {
		if err := e.o.Net.RemoveSandbox(ctx, c.ID()); err != nil {
			e.log.Warn("remove network namespace", "container", ident.Short(c.ID()), "error", err)
		}
	}
	return tell
}
