package network

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"

	"github.com/containerd/errdefs"

	"box/engine/network/firewall"
	"box/fs/module"
)

// Join implements Plane.
func (l *Linux) Join(ctx context.Context, r Request) (Endpoint, error) {
	e, err := l.join(ctx, r)
	if err != nil {
		return Endpoint{}, err
	}
	return *e, nil
}

func (l *Linux) join(ctx context.Context, r Request) (_ *Endpoint, err error) {
	if err := r.unbuilt(); err != nil {
		return nil, err
	}
	b, err := l.network(r.Network)
	if err != nil {
		return nil, err
	}
	path, err := l.sandboxPath(r.Container)
	if err != nil {
		return nil, err
	}
	e, err := l.claim(r, b)
	if err != nil {
		return nil, err
	}
	undo := []func(){func() { l.forget(e, b) }}
	defer func() {
		if err != nil {
			for i := len(undo) - 1; i >= 0; i-- {
				undo[i]()
			}
		}
	}()
	if r.Gateway {
		if err := l.bindAll(ctx, e, b, r); err != nil {
			return nil, err
		}
		undo = append(undo, func() { l.unbindAll(context.WithoutCancel(ctx), e) })
	}
	link, err := l.connect(e, b, path, r.Gateway)
	if err != nil {
		return nil, fmt.Errorf("joining container %s to network %s: %w", r.Container[:12], b.Name, err)
	}
	undo = append(undo, func() { l.cutOff(link, e.HostLink) })
	if err := l.publish(b, e); err != nil {
		return nil, fmt.Errorf("publishing ports of container %s: %w", r.Container[:12], err)
	}
	return e, nil
}

// claim takes an address for an endpoint and enters that into the plane's table.
func (l *Linux) claim(r Request, b *bridge) (*Endpoint, error) {
	if len(r.Endpoint) < 7 || strings.Trim(r.Endpoint, "0123456789abcdef") != "" {
		return nil, fmt.Errorf("endpoint %q: not an ID: %w", r.Endpoint, errdefs.ErrInvalidArgument)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.endpoints[r.Endpoint] != nil {
		return nil, fmt.Errorf("endpoint %s is there already: %w", r.Endpoint, errdefs.ErrAlreadyExists)
	}
	address, err := r.Address, error(nil)
	if address.IsValid() {
		err = b.pool.take(address)
	} else {
		address, err = b.pool.next()
	}
	if err != nil {
		return nil, fmt.Errorf("network %s: %w", b.Name, err)
	}
	e := &Endpoint{ID: r.Endpoint, Container: r.Container, Network: b.ID, Interface: r.Interface,
		HostLink: "veth" + r.Endpoint[:7],
		Address:  netip.PrefixFrom(address, b.Subnets[0].Prefix.Bits())}
	if !b.Internal {
		e.Gateway = b.Subnets[0].Gateway
		if b.Via.IsValid() {
			e.Gateway = b.Via
		}
	}
	mac := r.MAC
	if mac == nil {
		mac = macOf(address)
	}
	e.MAC = mac.String()
	if e.Interface == "" {
		e.Interface = l.nextInterface(r.Container)
	}
	l.endpoints[e.ID] = e
	return e, nil
}

// nextInterface returns the first ethN that the container does not have. The caller holds the lock.
func (l *Linux) nextInterface(container string) string {
	for n := 0; ; n++ {
		name := fmt.Sprintf("eth%d", n)
		taken := false
		for _, e := range l.endpoints {
			taken = taken || e.Container == container && e.Interface == name
		}
		if !taken {
			return name
		}
	}
}

func (l *Linux) setPorts(e *Endpoint, ports []Port) {
	l.mu.Lock()
	e.Ports = ports
	l.mu.Unlock()
}

// forget removes an endpoint from the table and gives its address back.
func (l *Linux) forget(e *Endpoint, b *bridge) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.endpoints[e.ID] != nil {
		delete(l.endpoints, e.ID)
		b.pool.give(e.Address.Addr())
	}
}

// connect makes the link, configures its inner end, with the default route if gateway is set, and returns the outer
// end's index.
func (l *Linux) connect(e *Endpoint, b *bridge, path string, gateway bool) (int, error) {
	handle, err := l.inside(e.Container, path)
	if err != nil {
		return 0, err
	}
	defer handle.Close()
	ns, err := os.Open(path)
	if err != nil {
		return 0, fmt.Errorf("opening the sandbox: %w", err)
	}
	defer ns.Close()
	mac, err := net.ParseMAC(e.MAC)
	if err != nil {
		return 0, fmt.Errorf("hardware address %q: %w", e.MAC, errdefs.ErrInvalidArgument)
	}
	p := pair{host: e.HostLink, inside: e.Interface, mac: mac, mtu: b.MTU, bridge: b.index, group: l.group, ns: ns}
	err = module.With([]string{"veth"}, p.create)
	if errors.Is(err, syscall.EEXIST) { // left by a daemon that was killed; its endpoint is gone
		if old, find := l.route.LinkByName(p.host); find == nil && old.Attrs().Group == l.group &&
			l.route.LinkDel(old) == nil {
			err = p.create()
		}
	}
	if err != nil {
		return 0, err
	}
	outer, err := linkIndex(p.host)
	if err != nil {
		return 0, fmt.Errorf("link %s: %w", p.host, err)
	}
	if err := l.settle(handle, outer, e, b, gateway); err != nil {
		l.cutOff(outer, e.HostLink)
		return 0, err
	}
	return outer, nil
}

// settle sets up the bridge port and the end in the sandbox.
func (l *Linux) settle(handle *socket, outer int, e *Endpoint, b *bridge, gateway bool) error {
	settings := map[uint16]byte{}
	// The bridge then turns round a container's packet to its own published port.
	if bridgedPacketsAreFiltered() {
		settings[brportMode] = 1
	}
	if !b.ICC {
		settings[brportIsolated] = 1
	}
	if len(settings) > 0 {
		if err := portSettings(outer, settings); err != nil {
			return fmt.Errorf("bridge port %s: %w", e.HostLink, err)
		}
	}
	way := netip.Addr{}
	if gateway {
		way = e.Gateway
	}
	return configure(handle, e.Interface, e.Address, way)
}

// publish writes the endpoint's ports into the rules. Before that it looks whether others have changed theirs.
func (l *Linux) publish(b *bridge, e *Endpoint) error {
	l.mu.Lock()
	var bridges []string
	for _, other := range l.networks {
		bridges = append(bridges, other.Bridge)
	}
	l.mu.Unlock()
	l.firewall.Attend(bridges)
	err := l.firewall.Publish(b.Bridge, published(e))
	if errors.Is(err, firewall.ErrChanged) {
		l.mu.Lock()
		all := l.on(b.ID)
		l.mu.Unlock()
		err = l.install(b, all)
	}
	if err == nil {
		l.flushConntrack(e)
	}
	return err
}

// install writes a bridge's rules.
func (l *Linux) install(b *bridge, endpoints []*Endpoint) error {
	var ports []firewall.Port
	for _, e := range endpoints {
		ports = append(ports, published(e)...)
	}
	return l.firewall.Install(firewall.Bridge{
		Name: b.Bridge, Subnet: b.Subnets[0].Prefix, Internal: b.Internal, ICC: b.ICC, Masquerade: b.Masquerade,
	}, ports)
}

// published returns an endpoint's ports as rules take them.
func published(e *Endpoint) []firewall.Port {
	list := make([]firewall.Port, len(e.Ports))
	for i, p := range e.Ports {
		to := netip.AddrPortFrom(e.Address.Addr(), p.Container)
		list[i] = firewall.Port{Proto: p.Proto, HostIP: p.HostIP, Host: p.Host, To: to}
	}
	return list
}

// Leave implements Plane.
func (l *Linux) Leave(ctx context.Context, e Endpoint) error {
	l.mu.Lock()
	b, known := l.networks[e.Network], l.endpoints[e.ID]
	l.mu.Unlock()
	if link, err := linkIndex(e.HostLink); err == nil {
		l.cutOff(link, e.HostLink)
	}
	var err error
	if b != nil {
		err = l.firewall.Unpublish(b.Bridge, published(&e))
	}
	if len(e.Ports) > 0 {
		err = errors.Join(err, l.unhold(ctx, &e))
		l.flushConntrack(&e)
	}
	if known != nil {
		l.release(known.Ports)
		if b != nil {
			l.forget(known, b)
		}
	}
	if err != nil {
		return fmt.Errorf("endpoint %s: %w", e.ID, err)
	}
	return nil
}

// cutOff stops traffic through a link at once, so that its address can be used again, and leaves its deletion to the
// reaper.
func (l *Linux) cutOff(index int, name string) {
	// Without the flush the bridge would send frames for the next container with this address here. An error is no
	// harm: a link that is down or gone carries nothing.
	portSettings(index, map[uint16]byte{brportState: stateDisabled, brportFlush: 1})
	l.reaper.kill(index, name)
}
