package container

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/moby/api/types/container"
)

// portText lists ports. Adjacent ports that are unpublished, or published under the same number and address, form a
// range. Ports that are published under another number come last, one by one.
func portText(ports []container.PortSummary) string {
	slices.SortFunc(ports, func(a, b container.PortSummary) int { return slices.Compare(portKey(a), portKey(b)) })
	type run struct {
		ip          netip.Addr
		proto       string
		first, last uint16
	}
	var closed, moved []string
	var open []*run
	for _, p := range ports {
		if p.IP.IsValid() && p.PublicPort != p.PrivatePort {
			moved = append(moved, fmt.Sprintf("%s->%d/%s", netip.AddrPortFrom(p.IP, p.PublicPort), p.PrivatePort,
				p.Type))
			continue
		}
		i := slices.IndexFunc(open, func(r *run) bool { return r.ip == p.IP && r.proto == p.Type })
		switch {
		case i < 0:
			open = append(open, &run{p.IP, p.Type, p.PrivatePort, p.PrivatePort})
		case open[i].last+1 == p.PrivatePort:
			open[i].last = p.PrivatePort
		default:
			closed = append(closed, runText(open[i].ip, open[i].proto, open[i].first, open[i].last))
			open[i].first, open[i].last = p.PrivatePort, p.PrivatePort
		}
	}
	for _, r := range open {
		closed = append(closed, runText(r.ip, r.proto, r.first, r.last))
	}
	return strings.Join(append(closed, moved...), ", ")
}

func runText(ip netip.Addr, proto string, first, last uint16) string {
	ports := span(first, last)
	if !ip.IsValid() {
		return ports + "/" + proto
	}
	return net.JoinHostPort(ip.String(), ports) + "->" + ports + "/" + proto
}

// portKey is the sort key: container port, then address and port of the host.
func portKey(p container.PortSummary) []string {
	return []string{fmt.Sprintf("%05d", p.PrivatePort), p.IP.String(), fmt.Sprintf("%05d", p.PublicPort), p.Type}
}

func span(first, end uint16) string {
	if first == end {
		return strconv.Itoa(int(first))
	}
	return fmt.Sprintf("%d-%d", first, end)
}
