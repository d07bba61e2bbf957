package network

import (
	"bytes"
	"fmt"
	"os"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// conntrack is an open socket to the kernel's table of connections. It has what is used of a netlink.Handle as values,
// for the reason that socket has.
type conntrack struct {
	forgetUDP func(port uint16) // forgets UDP connections to a port of the host, as far as it can
	close     func()
}

func newConntrack() (*conntrack, error) {
	h, err := netlink.NewHandle(unix.NETLINK_NETFILTER)
	if err != nil {
		return nil, fmt.Errorf("opening a netfilter netlink socket: %w", err)
	}
	forget := func(port uint16) {
		filter := &netlink.ConntrackFilter{}
		if filter.AddProtocol(unix.IPPROTO_UDP) != nil || filter.AddPort(netlink.ConntrackOrigDstPort, port) != nil {
			return
		}
		h.ConntrackDeleteFilters(netlink.ConntrackTable, unix.AF_INET, filter)
	}
	return &conntrack{forgetUDP: forget, close: h.Close}, nil
}

// flushConntrack forgets UDP connections through an endpoint's ports, as far as it can. Otherwise a client that sends
// without a pause would be sent to where the port led before. TCP connections end by themselves.
func (l *Linux) flushConntrack(e *Endpoint) {
	if !slices.ContainsFunc(e.Ports, func(p Port) bool { return p.Proto == "udp" }) {
		return
	}
	l.mu.Lock()
	table := l.conntrack
	if table == nil {
		var err error
		if table, err = newConntrack(); err == nil {
			l.conntrack = table
		}
	}
	l.mu.Unlock()
	if table == nil {
		return
	}
	for _, p := range e.Ports {
		if p.Proto == "udp" && p.HostIP.Is4() {
			table.forgetUDP(p.Host)
		}
	}
}

// bridgedPacketsAreFiltered tells whether br_netfilter hands bridged packets to the IPv4 rules.
func bridgedPacketsAreFiltered() bool {
	now, err := os.ReadFile("/proc/sys/net/bridge/bridge-nf-call-iptables")
	return err == nil && bytes.HasPrefix(now, []byte("1"))
}
