package network

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"

	"github.com/containerd/errdefs"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// One of a container's endpoints has its default routes and published ports. Which one may change while it runs.

// bindAll reserves the ports of a request, hands them to the holder and enters them for the endpoint. After an error
// nothing stays bound.
func (l *Linux) bindAll(ctx context.Context, e *Endpoint, b *bridge, r Request) error {
	ports, held, err := l.reserve(r, b, e.Address.Addr())
	if err != nil {
		return err
	}
	l.setPorts(e, ports)
	if err := l.hold(ctx, e, held); err != nil {
		l.setPorts(e, nil)
		l.release(ports)
		return err
	}
	return nil
}

// unbindAll undoes bindAll.
func (l *Linux) unbindAll(ctx context.Context, e *Endpoint) error {
	err := l.unhold(ctx, e)
	l.mu.Lock()
	ports := e.Ports
	e.Ports = nil
	l.mu.Unlock()
	l.release(ports)
	return err
}

// endpoint finds a joined endpoint and its network.
func (l *Linux) endpoint(id string) (*Endpoint, *bridge, error) {
	l.mu.Lock()
	e := l.endpoints[id]
	l.mu.Unlock()
	if e == nil {
		return nil, nil, fmt.Errorf("endpoint %s: %w", id, errdefs.ErrNotFound)
	}
	b, err := l.network(e.Network)
	return e, b, err
}

// Publish implements Plane.
func (l *Linux) Publish(ctx context.Context, endpoint, name string, ports []Port,
	spared func(string, uint16) bool) ([]Port, error) {
	e, b, err := l.endpoint(endpoint)
	if err != nil {
		return nil, err
	}
	if len(e.Ports) > 0 {
		return nil, fmt.Errorf("endpoint %s has published ports: %w", endpoint, errdefs.ErrAlreadyExists)
	}
	r := Request{Container: e.Container, Name: name, Endpoint: endpoint, Ports: ports, Spared: spared}
	if err := l.bindAll(ctx, e, b, r); err != nil {
		return nil, err
	}
	if err := l.publish(b, e); err != nil {
		l.unbindAll(context.WithoutCancel(ctx), e)
		return nil, fmt.Errorf("publishing ports of container %s: %w", e.Container[:12], err)
	}
	return e.Ports, nil
}

// Unpublish implements Plane.
func (l *Linux) Unpublish(ctx context.Context, endpoint string) error {
	e, b, err := l.endpoint(endpoint)
	if err != nil {
		return err
	}
	if len(e.Ports) == 0 {
		return nil
	}
	gone := *e
	err = errors.Join(l.firewall.Unpublish(b.Bridge, published(e)), l.unbindAll(ctx, e))
	l.flushConntrack(&gone)
	if err != nil {
		return fmt.Errorf("ports of endpoint %s: %w", endpoint, err)
	}
	return nil
}

// Reroute implements Plane.
func (l *Linux) Reroute(_ context.Context, container, endpoint4, endpoint6 string) error {
	path, err := l.sandboxPath(container)
	if err != nil {
		return err
	}
	file, err := openNamespace(path)
	if err != nil {
		return err
	}
	defer file.Close()
	err = errors.Join(l.reroute(file, container, endpoint4, unix.AF_INET),
		l.reroute(file, container, endpoint6, unix.AF_INET6))
	if err != nil {
		return fmt.Errorf("default route of container %s: %w", container[:12], err)
	}
	return nil
}

// reroute makes the default route of one family lead by an endpoint, and removes those by the container's others.
func (l *Linux) reroute(sandbox *os.File, container, endpoint string, family int) error {
	l.mu.Lock()
	links := map[string]bool{}
	var by Endpoint
	for _, e := range l.endpoints {
		if e.Container == container {
			links[e.Interface] = true
		}
	}
	if e := l.endpoints[endpoint]; e != nil && e.Container == container {
		by = *e
	}
	l.mu.Unlock()
	if by.ID != endpoint {
		return fmt.Errorf("endpoint %s: %w", endpoint, errdefs.ErrNotFound)
	}
	h, err := socketAt(sandbox)
	if err != nil {
		return err
	}
	defer h.Close()
	for name := range links {
		if err := moveDefault(h, name, family, by); err != nil {
			return err
		}
	}
	return nil
}

// moveDefault adds the default route of a link if it is the chosen endpoint's, and removes it if not.
func moveDefault(h *socket, name string, family int, by Endpoint) error {
	link, err := h.LinkByName(name)
	if err != nil {
		return fmt.Errorf("link %s in the sandbox: %w", name, err)
	}
	way := by.Gateway
	if family == unix.AF_INET6 {
		way = by.Gateway6
	}
	if name == by.Interface && way.IsValid() {
		return h.RouteReplace(&netlink.Route{LinkIndex: link.Attrs().Index, Gw: way.AsSlice()})
	}
	routes, err := h.RouteList(link, family)
	if err != nil {
		return fmt.Errorf("listing routes of %s: %w", name, err)
	}
	for _, r := range routes {
		if !defaultRoute(r) {
			continue
		}
		if err := h.RouteDel(&r); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("removing the default route by %s: %w", name, err)
		}
	}
	return nil
}

// defaultRoute tells whether a route is for every address.
func defaultRoute(r netlink.Route) bool {
	if r.Dst == nil {
		return true
	}
	ones, _ := r.Dst.Mask.Size()
	a, _ := netip.AddrFromSlice(r.Dst.IP)
	return ones == 0 && a.IsUnspecified()
}
