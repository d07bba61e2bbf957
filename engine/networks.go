package engine

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/moby/moby/api/types/events"
	apinetwork "github.com/moby/moby/api/types/network"

	"box/engine/endpoint"
	"box/engine/filter"
	"box/engine/ident"
	"box/engine/network"
	"box/engine/network/catalog"
	"box/engine/network/ipam"
	"box/engine/refuse"
	"box/engine/request"
)

// Bridge configures the default network, and what all networks have that do not say.
type Bridge struct {
	catalog.Bridge
	HostGateway netip.Addr                   // what host-gateway means in --add-host; zero for the bridge's address
	Pools       []ipam.Pool                  // what networks are taken from that name no subnet: Docker's
	Options     map[string]map[string]string // options that new networks have, by driver
}

// openNetworks reads the networks, and creates the three that always exist.
func (e *Engine) openNetworks() (err error) {
	e.nets, err = catalog.Open(catalog.Options{DB: e.db, Plane: e.o.Net, Pools: e.pools(), Host: e.hostPrefixes,
		Defaults: e.o.Bridge.Options, Now: e.o.Now, Log: e.log})
	if err != nil {
		return err
	}
	if e.o.Net == nil {
		return e.nets.Predefine(nil)
	}
	return e.nets.Predefine(&e.o.Bridge.Bridge)
}

// pools returns what subnets are taken from: those of IPv6 are the engine's own if none were given.
func (e *Engine) pools() []ipam.Pool {
	list := slices.Clone(e.o.Bridge.Pools)
	for _, six := range []bool{false, true} {
		if slices.ContainsFunc(list, func(p ipam.Pool) bool { return p.Base.Addr().Is6() == six }) {
			continue
		}
		if six {
			list = append(list, ipam.ULA(e.id))
		} else {
			list = append(list, ipam.Defaults()...)
		}
	}
	return list
}

// hostPrefixes returns what the host uses: the subnets of its links and routes, and its name servers.
func (e *Engine) hostPrefixes() []netip.Prefix {
	four, _ := os.ReadFile("/proc/net/route") // where one is missing, the host has nothing of that kind
	six, _ := os.ReadFile("/proc/net/ipv6_route")
	list := ipam.Routes(string(four), string(six))
	list = append(list, ipam.Resolvers(string(network.HostResolvConf(e.o.ResolvConf)))...)
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		e.log.Warn("addresses of the host", "error", err)
	}
	for _, a := range addresses {
		if p, err := netip.ParsePrefix(a.String()); err == nil && !p.Addr().IsLoopback() && !p.Addr().IsLinkLocalUnicast() {
			list = append(list, p.Masked())
		}
	}
	return list
}

// CreateNetwork creates a network. If it returns without an error, the network survives a crash.
func (e *Engine) CreateNetwork(ctx context.Context, q *request.Network) (r apinetwork.CreateResponse, err error) {
	defer e.actions.Time("network", "create", &err)()
	n, warning, err := e.nets.Create(ctx, q)
	if err != nil {
		return r, err
	}
	e.publishNetwork(ctx, events.ActionCreate, n)
	if err := e.namesWork(ctx); err != nil && endpoint.Named(n) {
		warning = strings.TrimPrefix(warning+"\ncontainers on this network do not find each other by name: "+err.Error(), "\n")
	}
	return apinetwork.CreateResponse{ID: n.ID, Warning: warning}, nil
}

// RemoveNetwork removes a network that no running container is on.
func (e *Engine) RemoveNetwork(ctx context.Context, ref string) (err error) {
	defer e.actions.Time("network", "delete", &err)()
	n, err := e.nets.Remove(ctx, ref)
	if err != nil {
		return err
	}
	e.dropZone(ctx, n)
	e.publishNetwork(ctx, events.ActionDestroy, n)
	return nil
}

func (e *Engine) publishNetwork(ctx context.Context, action events.Action, n *catalog.Record) {
	e.bus.Publish(ctx, events.NetworkEventType, action, n.ID, map[string]string{"name": n.Name, "type": n.Driver})
}

// restoreNetworks gives the plane the networks, and the endpoints of containers that run on. A network of one's own
// that cannot be raised keeps nobody from the others.
func (e *Engine) restoreNetworks(ctx context.Context) error {
	if e.o.Net == nil {
		return nil
	}
	var networks []network.Network
	for _, n := range e.nets.List() {
		if n.Linked() && (n.Name != "bridge" || e.o.Bridge.Name != "none") {
			networks = append(networks, n.Network)
		}
	}
	var endpoints, stale []network.Endpoint
	for _, c := range e.containers {
		kept, left := e.keptEndpoints(c)
		endpoints, stale = append(endpoints, kept...), append(stale, left...)
	}
	if err := e.o.Net.Restore(ctx, networks, endpoints); err != nil {
		if b := e.nets.Named("bridge"); b == nil || e.o.Bridge.Name == "none" {
			e.log.Error("networks", "error", err)
		} else if again := e.o.Net.Create(ctx, b.Network); again != nil {
			return fmt.Errorf("network %s: %w", b.Name, again)
		}
		e.note([]string{"not all networks are there: " + err.Error()})
	}
	for _, ep := range stale {
		if err := e.o.Net.Leave(ctx, ep); err != nil {
			e.log.Warn("leave network", "container", ident.Short(ep.Container), "error", err)
		}
	}
	e.tellAllNames(ctx)
	return nil
}

// Networks lists the networks that match f.
func (e *Engine) Networks(f filter.Args) ([]apinetwork.Summary, error) {
	if err := f.Check([]string{"driver", "id", "label", "name", "scope", "type", "dangling"}); err != nil {
		return nil, err
	}
	for _, v := range f["dangling"] {
		if !slices.Contains([]string{"true", "1", "false", "0"}, v) {
			return nil, refuse.Invalid(`invalid value for filter 'dangling', must be "true" (or "1"), or "false" (or "0")`)
		}
	}
	for _, v := range f["type"] {
		if v != "builtin" && v != "custom" {
			return nil, refuse.Invalid("invalid filter: 'type'='%s'", v)
		}
	}
	out := []apinetwork.Summary{}
	for _, n := range e.nets.List() {
		fits := f.Any("driver", func(v string) bool { return v == n.Driver }) &&
			f.Any("id", func(v string) bool { return strings.HasPrefix(n.ID, v) }) &&
			f.Any("name", func(v string) bool { return strings.Contains(n.Name, v) }) &&
			f.Any("scope", func(v string) bool { return v == "local" }) &&
			f.Any("type", func(v string) bool { return (v == "builtin") == n.Predefined() }) &&
			f.Any("dangling", func(v string) bool {
				return (v == "true" || v == "1") == (!n.Predefined() && !e.nets.Used(n.ID))
			}) &&
			f.Labels(n.Labels)
		if fits {
			out = append(out, apinetwork.Summary{Network: n.Describe()})
		}
	}
	return out, nil
}

// InspectNetwork describes a network and its containers.
func (e *Engine) InspectNetwork(ref string) (*apinetwork.Inspect, error) {
	n, err := e.nets.Find(ref)
	if err != nil {
		return nil, err
	}
	d := &apinetwork.Inspect{Network: n.Describe(), Containers: map[string]apinetwork.EndpointResource{}}
	var taken []netip.Addr
	for _, c := range e.all() {
		st, _ := c.Now()
		rec := c.Record()
		if _, on := rec.Networks[n.Name]; !on || !st.Running() {
			continue
		}
		r, found := apinetwork.EndpointResource{Name: rec.Name}, !n.Linked()
		for _, ep := range st.Endpoints {
			if ep.Network == n.ID {
				r.EndpointID, r.IPv4Address, r.IPv6Address, found = ep.ID, ep.Address, ep.Address6, true
				taken = append(taken, ep.Address.Addr(), ep.Address6.Addr())
				_ = r.MacAddress.UnmarshalText([]byte(ep.MAC))
			}
		}
		if found {
			d.Containers[rec.ID] = r
		}
	}
	d.Status = addressStatus(n.Subnets, taken)
	return d, nil
}

// addressStatus counts the addresses of subnets. It returns nil for a network without any.
func addressStatus(subnets []network.Subnet, taken []netip.Addr) *apinetwork.Status {
	if len(subnets) == 0 {
		return nil
	}
	s := &apinetwork.Status{IPAM: apinetwork.IPAMStatus{Subnets: apinetwork.SubnetStatuses{}}}
	for _, subnet := range subnets {
		used, free := subnet.Count(slices.Concat(taken, subnet.Taken))
		s.IPAM.Subnets[subnet.Prefix.Masked()] = apinetwork.SubnetStatus{IPsInUse: used, DynamicIPsAvailable: free}
	}
	return s
}
