package network

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
)

// Restore implements Plane. A network that cannot be raised does not keep the others from it; the error names each
// one.
func (l *Linux) Restore(ctx context.Context, networks []Network, endpoints []Endpoint) error {
	var failed error
	bridges := map[string]*bridge{}
	for _, n := range networks {
		b, err := newBridge(n)
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		bridges[n.ID] = b
	}
	for _, e := range endpoints {
		b := bridges[e.Network]
		if b == nil {
			continue // its network is gone or not the plane's
		}
		if err := l.readopt(b, e); err != nil {
			failed = errors.Join(failed, fmt.Errorf("endpoint %s: %w", e.ID, err))
		}
	}
	for id, b := range bridges {
		l.mu.Lock()
		l.networks[id] = b
		l.mu.Unlock()
		if err := l.Create(ctx, b.Network); err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		if raised, err := l.network(id); err == nil {
			l.sweep(raised)
		}
	}
	l.sweepBridges(networks)
	return failed
}

// sweepBridges deletes the bridges of networks that no record tells of: this daemon was killed while it made or removed
// them. One that something is on stays.
func (l *Linux) sweepBridges(networks []Network) {
	links, err := l.route.LinkList()
	if err != nil {
		l.log.Warn("listing links", "error", err)
		return
	}
	for _, link := range links {
		attrs := link.Attrs()
		id, named := strings.CutPrefix(attrs.Name, "br-")
		if !named || len(id) != 12 || strings.Trim(id, "0123456789abcdef") != "" || link.Type() != "bridge" ||
			attrs.Group != l.group || slices.ContainsFunc(networks, func(n Network) bool { return n.Bridge == attrs.Name }) ||
			!l.deserted(attrs.Index) {
			continue
		}
		for _, port := range links {
			if port.Attrs().MasterIndex == attrs.Index { // dying, else it were not deserted
				l.cutOff(port.Attrs().Index, port.Attrs().Name)
			}
		}
		if err := l.retire(&bridge{Network: Network{Bridge: attrs.Name}, index: attrs.Index}); err != nil {
			l.log.Warn("bridge of a network that is not there", "error", err)
		}
	}
}

// readopt enters an endpoint that lives on. The holder still has its descriptors.
func (l *Linux) readopt(b *bridge, e Endpoint) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := b.pool.take(e.Address.Addr()); err != nil {
		return err
	}
	for _, p := range e.Ports {
		if at := netip.AddrPortFrom(p.HostIP, p.Host); !l.ports.take(p.Proto, at, e.ID) {
			return busyPort{at}
		}
	}
	l.endpoints[e.ID] = &e
	return nil
}

// sweep deletes this daemon's links on a bridge that belong to no endpoint: it left them when it was killed.
func (l *Linux) sweep(b *bridge) {
	links, err := l.route.LinkList()
	if err != nil {
		l.log.Warn("listing links", "error", err)
		return
	}
	known := map[string]bool{}
	l.mu.Lock()
	for _, e := range l.on(b.ID) {
		known[e.HostLink] = true
	}
	l.mu.Unlock()
	for _, link := range links {
		attrs := link.Attrs()
		if _, veth := link.(*netlink.Veth); veth && attrs.MasterIndex == b.index && attrs.Group == l.group &&
			strings.HasPrefix(attrs.Name, "veth") && !known[attrs.Name] {
			l.cutOff(attrs.Index, attrs.Name)
		}
	}
}
