package network

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"syscall"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"

	"box/engine/network/firewall"
)

// Host ports to choose from if none was asked for (RFC 6335, section 6: dynamic ports).
const (
	firstFree = 49153
	lastFree  = 65535
)

// portTable is what this plane has published. A port may be used once on each address, and an unspecified address
// stands for all of its family.
type portTable map[portKey][]portUse

type portKey struct {
	proto string
	port  uint16
}

type portUse struct {
	address  netip.Addr
	endpoint string
}

func (t portTable) take(proto string, at netip.AddrPort, endpoint string) bool {
	key := portKey{proto, at.Port()}
	for _, use := range t[key] {
		if use.address.Is4() == at.Addr().Is4() &&
			(use.address == at.Addr() || use.address.IsUnspecified() || at.Addr().IsUnspecified()) {
			return false
		}
	}
	t[key] = append(t[key], portUse{at.Addr(), endpoint})
	return true
}

func (t portTable) give(proto string, at netip.AddrPort) {
	key := portKey{proto, at.Port()}
	for i, use := range t[key] {
		if use.address == at.Addr() {
			t[key] = append(t[key][:i:i], t[key][i+1:]...)
			break
		}
	}
	if len(t[key]) == 0 {
		delete(t, key)
	}
}

// publishError has Docker's text about a port that cannot be published.
type publishError struct {
	name, endpoint string
	cause          error
}

func (e *publishError) Error() string {
	return fmt.Sprintf("driver failed programming external connectivity on endpoint %s (%s): %v", e.name, e.endpoint,
		e.cause)
}
func (e *publishError) Unwrap() error { return e.cause }

// busyPort means that the plane itself has given the port to another endpoint.
type busyPort struct{ at netip.AddrPort }

func (e busyPort) Error() string {
	return fmt.Sprintf("Bind for %s failed: port is already allocated", e.at)
}
func (busyPort) Unwrap() error { return errdefs.ErrConflict }

// reserve finds and binds the host ports of a request. After an error nothing stays bound.
func (l *Linux) reserve(r Request, b *bridge, target netip.Addr) (bound []Port, held []heldPort, err error) {
	defer func() {
		if err != nil {
			l.release(bound)
			closeHeld(held)
			bound, held, err = nil, nil, &publishError{r.Name, r.Endpoint, err}
		}
	}()
	// Fixed ports come first, then ranges: each takes what the ones before leave.
	order := make([]int, len(r.Ports))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return r.Ports[a].choice() - r.Ports[b].choice() })
	byPort := make([][]Port, len(r.Ports))
	for _, i := range order {
		p := r.Ports[i]
		if _, known := firewall.Protocol(p.Proto); !known {
			return bound, held, fmt.Errorf("port %d: protocol %q is none of tcp, udp, sctp: %w", p.Container, p.Proto,
				errdefs.ErrInvalidArgument)
		}
		ports, files, err := l.reservePort(p, addresses(p, b), r, netip.AddrPortFrom(target, p.Container))
		byPort[i] = ports
		bound, held = append(bound, ports...), append(held, files...)
		if err != nil {
			return bound, held, err
		}
	}
	return slices.Concat(byPort...), held, nil
}

// choice returns how much choice of host ports there is, 0 for a fixed one.
func (p Port) choice() int {
	if p.Host == 0 {
		return lastFree
	}
	return int(max(p.Host, p.HostEnd)) - int(p.Host)
}

// addresses returns the addresses to publish a port on.
func addresses(p Port, b *bridge) []netip.Addr {
	if p.HostIP.IsValid() {
		return []netip.Addr{p.HostIP.Unmap()}
	}
	if b.HostIP.IsValid() && !b.HostIP.IsUnspecified() {
		return []netip.Addr{b.HostIP.Unmap()}
	}
	if p.Proto == "sctp" || !haveIPv6() {
		return []netip.Addr{netip.IPv4Unspecified()}
	}
	return []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()}
}

// reservePort takes the first port of the range that is free on all addresses.
func (l *Linux) reservePort(p Port, on []netip.Addr, r Request, target netip.AddrPort) ([]Port, []heldPort, error) {
	first, last := p.Host, max(p.Host, p.HostEnd)
	if p.Host == 0 {
		first, last = firstFree, lastFree
	}
	var failed error
	for n := int(first); n <= int(last); n++ {
		if p.Host == 0 && r.Spared != nil && r.Spared(p.Proto, uint16(n)) {
			continue
		}
		var bound []Port
		var held []heldPort
		failed = nil
		for _, a := range on {
			at := netip.AddrPortFrom(a, uint16(n))
			h, err := l.bind(p.Proto, at, r.Endpoint, target)
			if err != nil {
				failed = err
				break
			}
			held = append(held, h)
			bound = append(bound, Port{Proto: p.Proto, Container: p.Container, HostIP: a, Host: uint16(n)})
		}
		if failed == nil {
			return bound, held, nil
		}
		l.release(bound)
		closeHeld(held)
		if !errors.Is(failed, errdefs.ErrConflict) {
			break
		}
	}
	if p.Host == 0 && errors.Is(failed, errdefs.ErrConflict) {
		failed = fmt.Errorf("all ports are allocated: %w", errdefs.ErrResourceExhausted)
	}
	return nil, nil, failed
}

// bind takes one port on one address.
func (l *Linux) bind(proto string, at netip.AddrPort, endpoint string, target netip.AddrPort) (heldPort, error) {
	l.mu.Lock()
	free := l.ports.take(proto, at, endpoint)
	l.mu.Unlock()
	if !free {
		return heldPort{}, busyPort{at}
	}
	h := heldPort{}
	if l.forwarded(at.Addr()) {
		h.forward = target
	}
	file, err := bindSocket(proto, at, h.forward.IsValid())
	if err != nil {
		l.release([]Port{{Proto: proto, HostIP: at.Addr(), Host: at.Port()}})
		return heldPort{}, err
	}
	h.file = file
	return h, nil
}

// release gives ports back to the table.
func (l *Linux) release(ports []Port) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range ports {
		l.ports.give(p.Proto, netip.AddrPortFrom(p.HostIP, p.Host))
	}
}

// bindSocket binds a socket that keeps other programs off the port. It listens only if the port is to be forwarded: a
// listening socket costs the kernel nine times as much.
func bindSocket(proto string, at netip.AddrPort, forward bool) (*os.File, error) {
	fail := func(err error) (*os.File, error) {
		var class error = errdefs.ErrFailedPrecondition
		if errors.Is(err, syscall.EADDRINUSE) {
			class = errdefs.ErrConflict
		}
		return nil, &bindError{proto, at, err, class}
	}
	fd, err := boundSocket(proto, at, false)
	if errors.Is(err, syscall.EADDRINUSE) && proto == "tcp" {
		// Perhaps only connections of the port's last user linger. A listener could have the port then, and so can
		// we.
		var probe int
		if probe, err = boundSocket(proto, at, true); err == nil {
			err = unix.Listen(probe, 1)
			unix.Close(probe)
		}
		if err == nil {
			fd, err = boundSocket(proto, at, true)
		}
	}
	if err != nil {
		return fail(err)
	}
	if forward && proto == "tcp" {
		if err := unix.Listen(fd, unix.SOMAXCONN); err != nil {
			unix.Close(fd)
			return fail(err)
		}
	}
	return os.NewFile(uintptr(fd), fmt.Sprintf("%s/%s", at, proto)), nil
}

func boundSocket(proto string, at netip.AddrPort, reuse bool) (int, error) {
	domain, kind := unix.AF_INET, unix.SOCK_STREAM
	if at.Addr().Is6() {
		domain = unix.AF_INET6
	}
	if proto == "udp" {
		kind = unix.SOCK_DGRAM
	}
	number, _ := firewall.Protocol(proto)
	fd, err := unix.Socket(domain, kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, number)
	if err != nil {
		return -1, err
	}
	var sa unix.Sockaddr
	if domain == unix.AF_INET {
		sa = &unix.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()}
	} else {
		err = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1)
		sa = &unix.SockaddrInet6{Port: int(at.Port()), Addr: at.Addr().As16()}
	}
	if err == nil && reuse {
		err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	}
	if err == nil {
		err = unix.Bind(fd, sa)
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// bindError means that the kernel refused the port: another program has it, or the address is not the host's.
type bindError struct {
	proto string
	at    netip.AddrPort
	cause error
	class error
}

func (e *bindError) Error() string {
	return fmt.Sprintf("failed to bind host port %s/%s: %v", e.at, e.proto, e.cause)
}
func (e *bindError) Unwrap() []error { return []error{e.class, e.cause} }

// haveIPv6 tells whether ports can be published on [::].
func haveIPv6() bool {
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		unix.Close(fd)
	}
	return err == nil
}
