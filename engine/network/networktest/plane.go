// Package networktest has a network plane that exists in memory only, for tests of the engine that run without root.
package networktest

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"

	"github.com/containerd/errdefs"

	"box/engine/network"
)

// Plane keeps the books of a plane and changes nothing on the host. It hands out ascending addresses and none of them
// twice.
type Plane struct {
	mu        sync.Mutex
	networks  map[string]network.Network
	endpoints map[string]network.Endpoint
	sandboxes map[string]bool
	given     map[string]int
	routes    map[string][2]string
	fail      map[string]error
}

var _ network.Plane = (*Plane)(nil)

// New returns an empty plane.
func New() *Plane {
	return &Plane{networks: map[string]network.Network{}, endpoints: map[string]network.Endpoint{},
		sandboxes: map[string]bool{},
		given:     map[string]int{}, routes: map[string][2]string{}, fail: map[string]error{}}
}

// Fail makes every later call of the named method return err; nil ends that.
func (p *Plane) Fail(method string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fail[method] = err
}

// Endpoints lists the joined endpoints by ID.
func (p *Plane) Endpoints() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var ids []string
	for id := range p.endpoints {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// Create implements network.Plane.
func (p *Plane) Create(_ context.Context, n network.Network) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.fail["Create"]; err != nil {
		return err
	}
	p.networks[n.ID] = n
	return nil
}

// Delete implements network.Plane.
func (p *Plane) Delete(_ context.Context, id string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.networks, id)
	return p.fail["Delete"]
}

// Sandbox implements network.Plane; the path leads nowhere.
func (p *Plane) Sandbox(_ context.Context, container, _ string, _ map[string]string) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.fail["Sandbox"]; err != nil {
		return "", err
	}
	p.sandboxes[container[:12]] = true
	return "/nowhere/netns/" + container[:12], nil
}

// Join implements network.Plane. A host port of 0 becomes one from 49153 on.
func (p *Plane) Join(_ context.Context, r network.Request) (network.Endpoint, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n, known := p.networks[r.Network]
	if err := p.fail["Join"]; err != nil {
		return network.Endpoint{}, err
	}
	if !known || !p.sandboxes[r.Container[:12]] {
		return network.Endpoint{}, fmt.Errorf("network %s or sandbox of %s: %w", r.Network, r.Container[:12],
			errdefs.ErrNotFound)
	}
	e := network.Endpoint{ID: r.Endpoint, Container: r.Container, Network: r.Network, Interface: "eth0",
		HostLink: "veth" + r.Endpoint[:7],
		MAC:      r.MAC.String()}
	if len(n.Subnets) > 0 {
		a := r.Address
		if !a.IsValid() {
			p.given[n.ID]++
			a = n.Subnets[0].Gateway
			for range p.given[n.ID] {
				a = a.Next()
			}
		}
		e.Address, e.Gateway = netip.PrefixFrom(a, n.Subnets[0].Prefix.Bits()), n.Subnets[0].Gateway
	}
	if r.Gateway {
		e.Ports = p.bound(r.Ports)
	}
	p.endpoints[e.ID] = e
	return e, nil
}

// bound returns ports as they are after they were bound. The caller holds the lock.
func (p *Plane) bound(ports []network.Port) (list []network.Port) {
	for i, port := range ports {
		if port.Host == 0 {
			port.Host = uint16(49153 + len(p.endpoints)*16 + i)
		}
		if !port.HostIP.IsValid() {
			port.HostIP = netip.IPv4Unspecified()
		}
		port.HostEnd = 0
		list = append(list, port)
	}
	return list
}

// Publish implements network.Plane.
func (p *Plane) Publish(_ context.Context, endpoint, _ string, ports []network.Port,
	_ func(string, uint16) bool) ([]network.Port, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e, known := p.endpoints[endpoint]
	if err := p.fail["Publish"]; err != nil {
		return nil, err
	}
	if !known {
		return nil, fmt.Errorf("endpoint %s: %w", endpoint, errdefs.ErrNotFound)
	}
	e.Ports = p.bound(ports)
	p.endpoints[endpoint] = e
	return slices.Clone(e.Ports), nil
}

// Unpublish implements network.Plane.
func (p *Plane) Unpublish(_ context.Context, endpoint string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e, known := p.endpoints[endpoint]; known {
		e.Ports = nil
		p.endpoints[endpoint] = e
	}
	return p.fail["Unpublish"]
}

// Reroute implements network.Plane.
func (p *Plane) Reroute(_ context.Context, container, endpoint4, endpoint6 string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.fail["Reroute"]; err != nil {
		return err
	}
	p.routes[container] = [2]string{endpoint4, endpoint6}
	return nil
}

// Routes returns the endpoints by which a container's default routes lead, as Reroute was last told.
func (p *Plane) Routes(container string) (endpoint4, endpoint6 string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.routes[container]
	return r[0], r[1]
}

// Endpoint returns a joined endpoint.
func (p *Plane) Endpoint(id string) (network.Endpoint, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e, known := p.endpoints[id]
	return e, known
}

// Leave implements network.Plane.
func (p *Plane) Leave(_ context.Context, e network.Endpoint) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.endpoints, e.ID)
	return p.fail["Leave"]
}

// RemoveSandbox implements network.Plane.
func (p *Plane) RemoveSandbox(_ context.Context, container string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.sandboxes, container[:12])
	return p.fail["RemoveSandbox"]
}

// Sandboxes implements network.Plane.
func (p *Plane) Sandboxes(context.Context) ([]string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var ids []string
	for id := range p.sandboxes {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids, nil
}

// Restore implements network.Plane.
func (p *Plane) Restore(_ context.Context, networks []network.Network, endpoints []network.Endpoint) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, n := range networks {
		p.networks[n.ID] = n
	}
	for _, e := range endpoints {
		p.endpoints[e.ID] = e
		p.sandboxes[e.Container[:12]] = true
	}
	return p.fail["Restore"]
}

// Warnings implements network.Plane.
func (p *Plane) Warnings() []string { return nil }

// Close implements network.Plane.
func (p *Plane) Close(bool) error { return nil }
