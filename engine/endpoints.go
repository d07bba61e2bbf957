package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/containerd/errdefs"
	api "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
	apinetwork "github.com/moby/moby/api/types/network"

	"box/engine/endpoint"
	"box/engine/ident"
	"box/engine/lifecycle"
	"box/engine/network"
	"box/engine/network/catalog"
	"box/engine/refuse"
	"box/engine/userns"
)

// wantedNetworks returns the endpoints that a new container asks for, by name of the network, and normalizes the
// network mode as inspect shows it. Of networks that are not there a start tells, as Docker's: after a create, clients
// take the error for a missing image.
func (e *Engine) wantedNetworks(rec *lifecycle.Record,
	q *apinetwork.NetworkingConfig) (map[string]*apinetwork.EndpointSettings, error) {
	h := rec.Host
	switch {
	case h.NetworkMode == "" || h.NetworkMode.IsDefault():
		h.NetworkMode = "bridge"
		if rec.Config.NetworkDisabled || e.nets.Named("bridge") == nil {
			h.NetworkMode = "none"
		}
	case h.NetworkMode.IsContainer():
		return map[string]*apinetwork.EndpointSettings{}, nil
	}
	mode, err := e.networkOrName(string(h.NetworkMode))
	if err != nil {
		return nil, err
	}
	out := map[string]*apinetwork.EndpointSettings{}
	if q != nil {
		for ref, s := range q.EndpointsConfig {
			if ref == "default" {
				ref = mode.Name
			}
			n, err := e.networkOrName(ref)
			if err != nil {
				return nil, err
			}
			if n.Name != mode.Name && (mode.Predefined() || n.Predefined() && n.Name != "bridge") {
				return nil, refuse.Invalid("Container cannot be connected to network endpoints: %s, %s", mode.Name, n.Name)
			}
			if n.ID != "" {
				if err := endpoint.Check(n, s); err != nil {
					return nil, err
				}
			}
			out[n.Name] = e.settingsFor(n, s)
		}
	}
	if len(out) == 0 {
		out[mode.Name] = e.settingsFor(mode, nil)
	}
	return out, nil
}

// networkOrName finds a network; one that is not there has only the name.
func (e *Engine) networkOrName(ref string) (*catalog.Record, error) {
	n, err := e.nets.Find(ref)
	if errdefs.IsNotFound(err) {
		return &catalog.Record{Network: network.Network{Name: ref}}, nil
	}
	return n, err
}

// settingsFor returns what the record of a container says about a network: its ID too if others have its name.
func (e *Engine) settingsFor(n *catalog.Record, s *apinetwork.EndpointSettings) *apinetwork.EndpointSettings {
	own := endpoint.Settings(s)
	if _, err := e.nets.Find(n.Name); err != nil && n.ID != "" {
		own.NetworkID = n.ID
	}
	return own
}

// placed finds the network that the record of a container has under a name.
func (e *Engine) placed(name string, s *apinetwork.EndpointSettings) (*catalog.Record, error) {
	if s != nil && s.NetworkID != "" {
		name = s.NetworkID
	}
	return e.nets.Exact(name)
}

// places returns the networks of a container. missing are the errors about those that are not there.
func (e *Engine) places(rec *lifecycle.Record) (list []endpoint.Place, missing error) {
	for name, want := range rec.Networks {
		n, err := e.placed(name, want)
		if err != nil {
			missing = errors.Join(missing, err)
			continue
		}
		list = append(list, endpoint.Place{Network: n, Want: want})
	}
	endpoint.Sort(rec.Host.NetworkMode, list)
	return list, missing
}

// sandbox is the network of a container.
type sandbox struct {
	path      string // of the namespace, "" for the host's
	own       bool   // made for this container
	endpoints []network.Endpoint
	named     bool // it finds others by name

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
		return e.joinContainer(c, rec)
	}
	if e.o.Net == nil {
		return j, refuse.Conflict("this daemon has no network for containers: use --network host")
	}
	list, err := e.places(rec)
	if err != nil {
		return j, err
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
	if err := e.joinAll(ctx, rec, list, &j); err != nil {
		return j, err
	}
	j.named, err = e.tellNames(ctx, rec, list, &j)
	return j, err
}

// joinContainer returns the network of the container whose network rec shares.
func (e *Engine) joinContainer(c *lifecycle.Container, rec *lifecycle.Record) (j sandbox, err error) {
	mode := rec.Host.NetworkMode
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

// joinAll makes the endpoints of a container that is being started.
func (e *Engine) joinAll(ctx context.Context, rec *lifecycle.Record, list []endpoint.Place, j *sandbox) error {
	four, six := endpoint.Gateways(list)
	for i := range list {
		p := &list[i]
		if p.Network.ConfigOnly {
			return refuse.Denied("cannot create endpoint on configuration-only network")
		}
		if !p.Network.Linked() {
			continue
		}
		ep, err := e.attach(ctx, rec, p, p.Network.ID == cmp.Or(four, six))
		if err != nil {
			return err
		}
		j.endpoints = append(j.endpoints, ep)
	}
	if four != "" && six != "" && four != six {
		return e.o.Net.Reroute(ctx, rec.ID, endpointOn(j.endpoints, four), endpointOn(j.endpoints, six))
	}
	return nil
}

// endpointOn returns the ID of the endpoint on a network, or "".
func endpointOn(list []network.Endpoint, id string) string {
	if i := slices.IndexFunc(list, func(ep network.Endpoint) bool { return ep.Network == id }); i >= 0 {
		return list[i].ID
	}
	return ""
}

// attach makes an endpoint. The network is in use until detach.
func (e *Engine) attach(ctx context.Context, rec *lifecycle.Record, p *endpoint.Place,
	gateway bool) (ep network.Endpoint, err error) {
	if _, err := e.nets.Use(p.Network.ID); err != nil {
		return ep, refuse.NotFound("network %s not found", p.Network.Name)
	}
	ep, err = e.o.Net.Join(ctx, p.Request(rec, gateway, e.spared.Has))
	if err != nil {
		e.nets.Done(p.Network.ID)
		return ep, err
	}
	e.publishEndpoint(ctx, events.ActionConnect, rec.ID, p.Network)
	return ep, nil
}

// detach undoes attach but for the event.
func (e *Engine) detach(ctx context.Context, ep network.Endpoint) {
	if err := e.o.Net.Leave(ctx, ep); err != nil {
		e.log.Warn("leave network", "container", ident.Short(ep.Container), "error", err)
	}
	e.nets.Done(ep.Network)
}

// withoutEndpoint lists the networks of a container in which it has no endpoint: host and none.
func (e *Engine) withoutEndpoint(rec *lifecycle.Record) (list []*catalog.Record) {
	for name, s := range rec.Networks {
		if n, err := e.placed(name, s); err == nil && !n.Linked() {
			list = append(list, n)
		}
	}
	return list
}

func (e *Engine) publishEndpoint(ctx context.Context, action events.Action, container string, n *catalog.Record) {
	e.bus.Publish(ctx, events.NetworkEventType, action, n.ID,
		map[string]string{"container": container, "name": n.Name, "type": n.Driver})
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
		if n, err := e.nets.Find(ep.Network); err == nil {
			left = append(left, n)
		}
		e.detach(ctx, ep)
	}
	e.forgetNames(ctx, c.ID(), endpoints)
	if own {
		if err := e.o.Net.RemoveSandbox(ctx, c.ID()); err != nil {
			e.log.Warn("remove network namespace", "container", ident.Short(c.ID()), "error", err)
		}
	}
	return tell
}

// keptEndpoints divides the endpoints of a container, when the daemon starts, into those that it keeps and those of a
// connect or disconnect that was cut off.
func (e *Engine) keptEndpoints(c *lifecycle.Container) (kept, stale []network.Endpoint) {
	rec, st, _ := c.See()
	if !st.Running() {
		return nil, nil
	}
	for _, ep := range st.Endpoints {
		n, err := e.nets.Find(ep.Network)
		if err == nil {
			_, on := rec.Networks[n.Name]
			if on {
				_, err = e.nets.Use(n.ID)
			} else {
				err = errdefs.ErrNotFound
			}
		}
		if err != nil {
			stale = append(stale, ep)
			continue
		}
		kept = append(kept, ep)
	}
	if len(stale) > 0 {
		c.Change(func(s *lifecycle.Status) { s.Endpoints = kept })
	}
	return kept, stale
}
