package network

import (
	"fmt"
	"net/netip"
	"runtime"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"box/engine/network/firewall"
	"box/fs/module"
)

// Support is what a kernel can do for a plane. nil means that it can.
type Support struct {
	Namespaces error // without them there is no container network
	Bridges    error // bridges and links into containers; without them containers have the host's network or none
	NAT        error // without it there is no way out, and published ports are forwarded by a process
	Firewalls  error // what of the host's firewalls cannot be read or changed
}

// Probe tries everything in a network namespace of its own, which is gone afterwards. It does not touch the host.
func Probe() Support {
	done := make(chan Support, 1)
	go func() {
		runtime.LockOSThread() // the thread, and with it the namespace, ends with the goroutine
		done <- probe()
	}()
	return <-done
}

func probe() (s Support) {
	if s.Namespaces = unix.Unshare(unix.CLONE_NEWNET); s.Namespaces != nil {
		s.Bridges, s.NAT, s.Firewalls = s.Namespaces, s.Namespaces, s.Namespaces
		return s
	}
	s.Bridges = probeLinks()
	s.NAT, s.Firewalls = firewall.Probe(
		firewall.Bridge{Name: "probe0", Subnet: netip.MustParsePrefix("192.0.2.0/24"), ICC: true, Masquerade: true},
		[]firewall.Port{{
			Proto: "tcp", HostIP: netip.IPv4Unspecified(), Host: 80, To: netip.MustParseAddrPort("192.0.2.2:80"),
		}})
	return s
}

func probeLinks() error {
	h, err := newSocket()
	if err != nil {
		return err
	}
	defer h.Close()
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "probe0"
	link := &netlink.Bridge{LinkAttrs: attrs}
	if err := module.With([]string{"bridge"}, func() error { return h.LinkAdd(link) }); err != nil {
		return fmt.Errorf("making a bridge: %w", err)
	}
	attrs.Name = "probe1"
	if err := module.With([]string{"veth"},
		func() error { return h.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: "probe2"}) }); err != nil {
		return fmt.Errorf("making a veth pair: %w", err)
	}
	return nil
}
