package network

import (
	"bytes"
	"os"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// flushConntrack forgets UDP connections through an endpoint's ports, as far as it can. Otherwise a client that sends
// without a pause would be sent to where the port led before. TCP connections end by themselves.
func (l *Linux) flushConntrack(e *Endpoint) {
	if !slices.ContainsFunc(e.Ports, func(p Port) bool { return p.Proto == "udp" }) {
		return
	}
	l.mu.Lock()
	handle := l.conntrack
	if handle == nil {
		var err error
		if handle, err = netlink.NewHandle(unix.NETLINK_NETFILTER); err == nil {
			l.conntrack = handle
		}
	}
	l.mu.Unlock()
	if handle == nil {
		return
	}
	for _, p := range e.Ports {
		if p.Proto != "udp" || !p.HostIP.Is4() {
			continue
		}
		filter := &netlink.ConntrackFilter{}
		if filter.AddProtocol(unix.IPPROTO_UDP) != nil || filter.AddPort(netlink.ConntrackOrigDstPort, p.Host) != nil {
			continue
		}
		handle.ConntrackDeleteFilters(netlink.ConntrackTable, unix.AF_INET, filter)
	}
}

// bridgedPacketsAreFiltered tells whether br_netfilter hands bridged packets to the IPv4 rules.
func bridgedPacketsAreFiltered() bool {
	now, err := os.ReadFile("/proc/sys/net/bridge/bridge-nf-call-iptables")
	return err == nil && bytes.HasPrefix(now, []byte("1"))
}
