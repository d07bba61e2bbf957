package engine

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	api "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
	apinetwork "github.com/moby/moby/api/types/network"

	"box/engine/network"
	"box/engine/state"
	"box/engine/userns"
)

// Bridge says how the default network is made.
type Bridge struct {
	Name string       // docker0; "none" for no default network
	IP   netip.Prefix // address of the bridge and size of the network; zero for the first range that is free
	MTU  int          // bytes; 0 for the kernel's
}

// netRecord is one network as it is kept.
type netRecord struct {
	Created time.Time
	network.Network
	Options map[string]string
	Labels  map[string]string
}

var networkTable = state.Table[netRecord]{Name: "networks"}

// pools are the ranges the default network is taken from, Docker's.
func pools() []netip.Prefix {
	var list []netip.Prefix
	for i := 17; i < 32; i++ {
		list = append(list, netip.PrefixFrom(netip.AddrFrom4([4]byte{172, byte(i), 0, 0}), 16))
	}
	for i := 0; i < 256; i += 16 {
		list = append(list, netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 168, byte(i), 0}), 20))
	}
	return list
}

// openNetworks reads the networks and sees to it that the three that are always there are.
func (e *Engine) openNetworks() error {
	err := e.db.View(func(tx *state.Tx) error {
		return networkTable.Walk(tx, func(_ string, n netRecord, bad error) error {
			if bad != nil {
				e.log.Error("network that cannot be read is left out", "error", bad)
				return nil
			}
			e.networks[n.ID] = &n
			return nil
		})
	})
	if err != nil {
		return err
	}
	wanted := []netRecord{
		{Network: network.Network{Name: "host", Driver: "host"}},
		{Network: network.Network{Name: "none", Driver: "null"}},
	}
	if e.o.Net != nil && e.o.Bridge.Name != "none" {
		b, err := e.defaultBridge()
		if err != nil {
			return err
		}
		wanted = append(wanted, b)
	}
	changed := false
	for _, w := range wanted {
		if have := e.networkNamed(w.Name); have != nil {
			w.ID, w.Created = have.ID, have.Created
			if same(have, &w) {
				continue
			}
		} else {
			w.ID, w.Created = newID(), e.o.Now().UTC()
		}
		changed = true
		e.networks[w.ID] = &w
	}
	if !changed {
		return nil
	}
	return e.db.Update(func(tx *state.Tx) error {
		for id, n := range e.networks {
			if err := networkTable.Put(tx, id, *n); err != nil {
				return err
			}
		}
		return nil
	})
}

func same(a, b *netRecord) bool {
	return a.Bridge == b.Bridge && a.MTU == b.MTU && slices.Equal(a.Subnets, b.Subnets)
}

// defaultBridge is the network "bridge" as the options want it: where they say nothing, as the link on the host or the
// network of the last time had it.
func (e *Engine) defaultBridge() (netRecord, error) {
	name := e.o.Bridge.Name
	if name == "" {
		name = "docker0"
	}
	n := netRecord{
		Network: network.Network{Name: "bridge", Driver: "bridge", Bridge: name, MTU: e.o.Bridge.MTU, ICC: true, Masquerade: true},
		Options: map[string]string{
			"com.docker.network.bridge.default_bridge":       "true",
			"com.docker.network.bridge.enable_icc":           "true",
			"com.docker.network.bridge.enable_ip_masquerade": "true",
			"com.docker.network.bridge.host_binding_ipv4":    "0.0.0.0",
			"com.docker.network.bridge.name":                 name,
			"com.docker.network.driver.mtu":                  "1500",
		},
		Labels: map[string]string{},
	}
	ip := e.o.Bridge.IP
	if !ip.IsValid() {
		ip = linkAddress(name)
	}
	if have := e.networkNamed("bridge"); !ip.IsValid() && have != nil && have.Bridge == name {
		n.Subnets = have.Subnets
		return n, nil
	}
	if !ip.IsValid() {
		var err error
		if ip, err = freeRange(); err != nil {
			return n, err
		}
	}
	n.Subnets = []network.Subnet{{Prefix: ip.Masked(), Gateway: ip.Addr()}}
	return n, nil
}

// linkAddress is the IPv4 address of a link that is there, zero for none.
func linkAddress(name string) netip.Prefix {
	link, err := net.InterfaceByName(name)
	if err != nil {
		return netip.Prefix{}
	}
	addresses, err := link.Addrs()
	if err != nil {
		return netip.Prefix{}
	}
	for _, a := range addresses {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is4() {
			return p
		}
	}
	return netip.Prefix{}
}

// freeRange is the first pool that no address of the host is in.
func freeRange() (netip.Prefix, error) {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return netip.Prefix{}, err
	}
	for _, p := range pools() {
		used := slices.ContainsFunc(addresses, func(a net.Addr) bool {
			have, err := netip.ParsePrefix(a.String())
			return err == nil && have.Overlaps(p)
		})
		if !used {
			return netip.PrefixFrom(p.Addr().Next(), p.Bits()), nil
		}
	}
	return netip.Prefix{}, conflict("every range for the default network is in use on this host: choose one with --bip")
}

func (e *Engine) networkNamed(name string) *netRecord {
	for _, n := range e.networks {
		if n.Name == name {
			return n
		}
	}
	return nil
}

// netRecordFor finds a network by name, ID or a prefix of the ID that only one has.
func (e *Engine) netRecordFor(ref string) (*netRecord, error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if n := e.networks[ref]; n != nil {
		return n, nil
	}
	if n := e.networkNamed(ref); n != nil {
		return n, nil
	}
	var found *netRecord
	for id, n := range e.networks {
		if strings.HasPrefix(id, ref) && ref != "" {
			if found != nil {
				return nil, invalid("network %s is ambiguous (2 matches found on ID prefix)", ref)
			}
			found = n
		}
	}
	if found == nil {
		return nil, notFound("network %s not found", ref)
	}
	return found, nil
}

// wantedNetworks are the endpoints a new container asks for, by the name of their network; the network mode is brought
// into the form that inspect shows.
func (e *Engine) wantedNetworks(rec *record, q *apinetwork.NetworkingConfig) (map[string]*apinetwork.EndpointSettings, error) {
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
			return nil, invalid("Container cannot be connected to network endpoints: %s, %s", n.Name, name)
		}
		if s != nil {
			out[n.Name] = s.Copy()
		}
	}
	return out, checkEndpoint(n, out[n.Name])
}

// checkEndpoint refuses what only networks that users made can give a container.
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
	return invalid("invalid config for network %s: invalid endpoint settings:\n%s", n.Name, problem)
}

// sandbox is the network a container was given.
type sandbox struct {
	path      string // of the namespace, "" for the host's
	own       bool   // made for this container
	endpoints []network.Endpoint

	users  string         // path of the user namespace, "" for the host's
	holder *userns.Holder // keeps users until the container runs
}

// release lets go of what only a start needs.
func (j *sandbox) release() {
	if j.holder != nil {
		j.holder.Close()
	}
}

func ownsSandbox(h *api.HostConfig) bool {
	return !h.NetworkMode.IsHost() && !h.NetworkMode.IsContainer()
}

// join gives a container that starts its network. After an error, what is in j is still to be undone.
func (e *Engine) join(ctx context.Context, c *container, rec *record) (j sandbox, err error) {
	switch mode := rec.Host.NetworkMode; {
	case mode.IsHost():
		return j, nil
	case mode.IsContainer():
		pid, err := e.pidOf(mode.ConnectedContainer())
		j = sandbox{path: fmt.Sprintf("/proc/%d/ns/net", pid)}
		if e.remapped(rec.Host) {
			j.users = fmt.Sprintf("/proc/%d/ns/user", pid)
		}
		return j, err
	}
	if e.o.Net == nil {
		return j, conflict("this daemon has no network for containers: use --network host")
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
		ep, err := e.o.Net.Join(ctx, request(rec, n, want))
		if err != nil {
			return j, err
		}
		j.endpoints = append(j.endpoints, ep)
		e.bus.Publish(events.NetworkEventType, events.ActionConnect, n.ID, map[string]string{
			"container": rec.ID, "name": n.Name, "type": n.Driver,
		})
	}
	return j, nil
}

func request(rec *record, n *netRecord, want *apinetwork.EndpointSettings) network.Request {
	r := network.Request{Container: rec.ID, Name: rec.Name, Network: n.ID, Endpoint: newID(), Ports: ports(rec)}
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
	slices.SortFunc(list, func(a, b network.Port) int { return int(a.Container) - int(b.Container) })
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

// leave undoes join.
func (e *Engine) leave(ctx context.Context, c *container, endpoints []network.Endpoint, own bool) {
	if e.o.Net == nil {
		return
	}
	for _, ep := range endpoints {
		if err := e.o.Net.Leave(ctx, ep); err != nil {
			e.log.Warn("leave network", "container", short(c.rec.ID), "error", err)
		}
		if n, err := e.netRecordFor(ep.Network); err == nil {
			e.bus.Publish(events.NetworkEventType, events.ActionDisconnect, n.ID, map[string]string{
				"container": c.rec.ID, "name": n.Name, "type": n.Driver,
			})
		}
	}
	if own {
		if err := e.o.Net.RemoveSandbox(ctx, c.rec.ID); err != nil {
			e.log.Warn("remove network namespace", "container", short(c.rec.ID), "error", err)
		}
	}
}
