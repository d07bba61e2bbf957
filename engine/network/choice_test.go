package network

import (
	"context"
	"net/netip"
	"testing"
)

// TestFixedPortsFirst checks that a port with only one possible number gets it, whatever the order of a request, and
// that the reply is in the request's order.
func TestFixedPortsFirst(t *testing.T) {
	if !onHost(t) {
		return
	}
	ctx := context.Background()
	newHost(t)
	l, n := openPlane(t, "boxtest0")
	at := func(container, first, last uint16) Port {
		return Port{Proto: "tcp", Container: container, Host: first, HostEnd: last, HostIP: netip.IPv4Unspecified()}
	}
	for i, row := range []struct {
		ports  []Port
		spared uint16
		want   []uint16
	}{
		{[]Port{at(80, 0, 0), at(81, firstFree, 0)}, 0, []uint16{firstFree + 1, firstFree}},
		{[]Port{at(80, 0, 0), at(81, firstFree, firstFree+1), at(82, firstFree, 0)}, 0,
			[]uint16{firstFree + 2, firstFree + 1, firstFree}},
		{[]Port{at(80, 7000, 7002), at(81, 7000, 7001), at(82, 7000, 7000)}, 0, []uint16{7002, 7001, 7000}},
		{[]Port{at(80, 0, 0), at(81, 0, 0)}, firstFree, []uint16{firstFree + 1, firstFree + 2}},
		{[]Port{at(80, 0, 0), at(81, firstFree+1, 0)}, firstFree + 1, []uint16{firstFree, firstFree + 1}},
	} {
		_, err := l.Sandbox(ctx, id(i+1), "", nil)
		must(t, err)
		e, err := l.Join(ctx, Request{Container: id(i + 1), Gateway: true, Network: n.ID, Endpoint: endpointID(i + 1), Ports: row.ports,
			Spared: func(_ string, host uint16) bool { return host == row.spared }})
		if err != nil {
			t.Errorf("row %d: %v", i, err)
			continue
		}
		for k, p := range e.Ports {
			if p.Container != row.ports[k].Container || p.Host != row.want[k] {
				t.Errorf("row %d: %d at %d, want %d", i, p.Container, p.Host, row.want[k])
			}
		}
		must(t, l.Leave(ctx, e))
		must(t, l.RemoveSandbox(ctx, id(i+1)))
	}
}
