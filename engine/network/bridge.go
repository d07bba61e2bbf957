package network

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"syscall"

	"github.com/containerd/errdefs"
	"github.com/vishvananda/netlink"

	"box/fs/module"
)

// Create implements Plane.
func (l *Linux) Create(_ context.Context, n Network) error {
	b, err := newBridge(n)
	if err != nil {
		return err
	}
	l.mu.Lock()
	old := l.networks[n.ID]
	l.mu.Unlock()
	if old != nil {
		b.pool = old.pool
	}
	if err := l.raise(b); err != nil {
		return fmt.Errorf("network %s: %w", n.Name, err)
	}
	l.mu.Lock()
	l.networks[n.ID] = b
	endpoints := l.on(n.ID)
	l.mu.Unlock()
	if err := l.install(b, endpoints); err != nil {
		if old == nil {
			l.mu.Lock()
			delete(l.networks, n.ID)
			l.mu.Unlock()
		}
		return fmt.Errorf("network %s: %w", n.Name, err)
	}
	return nil
}

// newBridge checks n and makes its pool of addresses.
func newBridge(n Network) (*bridge, error) {
	if err := n.unbuilt(); err != nil {
		return nil, err
	}
	if n.Bridge == "" || len(n.Bridge) > 15 || strings.ContainsAny(n.Bridge, "/ :\t\n") || n.Bridge == "." ||
		n.Bridge == ".." {
		return nil, fmt.Errorf("network %s: %q cannot be the name of a link: %w", n.Name, n.Bridge,
			errdefs.ErrInvalidArgument)
	}
	if len(n.Subnets) != 1 {
		return nil, fmt.Errorf("network %s: %d subnets, a bridge has one: %w", n.Name, len(n.Subnets),
			errdefs.ErrInvalidArgument)
	}
	p, err := newPool(n.Subnets[0])
	if err != nil {
		return nil, fmt.Errorf("network %s: %w", n.Name, err)
	}
	if n.Via.IsValid() {
		if err := p.take(n.Via); err != nil && n.Via != n.Subnets[0].Gateway {
			return nil, fmt.Errorf("network %s: gateway %s: %w", n.Name, n.Via, err)
		}
	}
	return &bridge{Network: n, pool: p}, nil
}

// raise makes the bridge link, or takes over the one of that name, and gives it its address.
func (l *Linux) raise(b *bridge) error {
	link, err := l.bridgeLink(b.Bridge, b.MTU)
	if err != nil {
		return err
	}
	b.index = link.Attrs().Index
	if err := l.addressBridge(link, b.Subnets[0]); err != nil {
		return err
	}
	if err := l.route.LinkSetUp(link); err != nil {
		return fmt.Errorf("bringing up %s: %w", b.Bridge, err)
	}
	return l.forwarding()
}

func (l *Linux) bridgeLink(name string, mtu int) (netlink.Link, error) {
	link, err := l.route.LinkByName(name)
	if noSuchLink(err) {
		attrs := netlink.NewLinkAttrs()
		attrs.Name, attrs.MTU, attrs.Group = name, mtu, l.group
		err = module.With([]string{"bridge", "veth"},
			func() error { return l.route.LinkAdd(&netlink.Bridge{LinkAttrs: attrs}) })
		if err != nil && !errors.Is(err, syscall.EEXIST) {
			return nil, fmt.Errorf("making bridge %s: %w", name, err)
		}
		link, err = l.route.LinkByName(name)
	}
	if err != nil {
		return nil, fmt.Errorf("looking for bridge %s: %w", name, err)
	}
	if link.Type() != "bridge" {
		return nil, fmt.Errorf("link %s is there and is a %s, not a bridge: %w", name, link.Type(),
			errdefs.ErrFailedPrecondition)
	}
	return link, nil
}

// addressBridge gives the bridge the gateway's address and removes its other IPv4 addresses. It makes the hardware
// address from it, which would otherwise follow whichever link has the lowest.
func (l *Linux) addressBridge(link netlink.Link, s Subnet) error {
	name := link.Attrs().Name
	if !s.Gateway.IsValid() {
		return fmt.Errorf("bridge %s has no gateway address: %w", name, errdefs.ErrInvalidArgument)
	}
	have, err := l.route.AddrList(link, netlink.FAMILY_V4)
	if err != nil {
		return fmt.Errorf("listing addresses of %s: %w", name, err)
	}
	want := netip.PrefixFrom(s.Gateway, s.Prefix.Bits())
	found := false
	for _, a := range have {
		if a.IPNet.String() == ipNet(want).String() {
			found = true
			continue
		}
		if err := l.route.AddrDel(link, &a); err != nil && !errors.Is(err, syscall.EADDRNOTAVAIL) {
			return fmt.Errorf("removing address %s of %s: %w", a.IPNet, name, err)
		}
	}
	if found {
		return nil
	}
	if err := l.route.LinkSetHardwareAddr(link, macOf(s.Gateway)); err != nil {
		return fmt.Errorf("hardware address of %s: %w", name, err)
	}
	if err := l.route.AddrAdd(link, &netlink.Addr{IPNet: ipNet(want), Broadcast: broadcast(want)}); err != nil {
		return fmt.Errorf("address %s of %s: %w", want, name, err)
	}
	return nil
}

// forwarding turns on IPv4 forwarding, or warns if it cannot.
func (l *Linux) forwarding() error {
	const name = "net/ipv4/ip_forward"
	if l.noForward {
		return nil
	}
	if now, err := os.ReadFile("/proc/sys/" + name); err == nil && strings.TrimSpace(string(now)) == "1" {
		return nil
	}
	if err := writeSysctl(name, "1"); err != nil {
		l.warn("IPv4 forwarding is disabled: " + err.Error() + "; set net.ipv4.ip_forward=1")
	}
	return nil
}

// Delete implements Plane.
func (l *Linux) Delete(_ context.Context, id string) error {
	l.mu.Lock()
	b := l.networks[id]
	busy := len(l.on(id))
	if b != nil && busy == 0 {
		delete(l.networks, id)
	}
	l.mu.Unlock()
	if b == nil {
		return nil
	}
	if busy > 0 {
		return fmt.Errorf("network %s has %d endpoints: %w", b.Name, busy, errdefs.ErrFailedPrecondition)
	}
	if err := l.retire(b); err != nil {
		return fmt.Errorf("network %s: %w", b.Name, err)
	}
	return nil
}

// on lists the endpoints of a network. The caller holds the lock.
func (l *Linux) on(id string) []*Endpoint {
	var list []*Endpoint
	for _, e := range l.endpoints {
		if e.Network == id {
			list = append(list, e)
		}
	}
	return list
}
