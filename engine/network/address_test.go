package network

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/containerd/errdefs"
)

func subnet(prefix, from, gateway string) Subnet {
	s := Subnet{Prefix: netip.MustParsePrefix(prefix)}
	if from != "" {
		s.Range = netip.MustParsePrefix(from)
	}
	if gateway != "" {
		s.Gateway = netip.MustParseAddr(gateway)
	}
	return s
}

func TestPoolGivesTheLowestFree(t *testing.T) {
	p, err := newPool(subnet("10.1.0.0/24", "", "10.1.0.1"))
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct{ give, want string }{
		{"", "10.1.0.2"}, {"", "10.1.0.3"}, {"", "10.1.0.4"}, {"10.1.0.3", "10.1.0.3"}, {"", "10.1.0.5"},
		{"10.1.0.2", "10.1.0.2"},
	} {
		if step.give != "" {
			p.give(netip.MustParseAddr(step.give))
		}
		if a, err := p.next(); err != nil || a.String() != step.want {
			t.Errorf("%v, %v, want %s", a, err, step.want)
		}
	}
}

func TestCount(t *testing.T) {
	for _, row := range []struct {
		subnet     Subnet
		taken      string
		used, free uint64
	}{
		{subnet("172.16.0.0/16", "", "172.16.0.1"), "", 3, 65533},
		{subnet("172.16.0.0/16", "", "172.16.0.1"), "172.16.0.2", 4, 65532},
		{subnet("172.16.0.9/16", "", "172.16.0.1"), "172.16.0.1", 3, 65533},
		{subnet("10.1.0.0/24", "", "10.1.0.1"), "10.2.0.1", 3, 253},
		{subnet("10.1.0.0/24", "10.1.0.64/26", "10.1.0.1"), "10.1.0.70", 4, 63},
		{subnet("10.1.0.0/24", "10.1.0.192/26", "10.1.0.200"), "10.1.0.5", 4, 62},
		{subnet("10.1.0.0/30", "", ""), "10.1.0.1", 3, 1},
	} {
		var taken []netip.Addr
		if row.taken != "" {
			taken = append(taken, netip.MustParseAddr(row.taken))
		}
		if used, free := row.subnet.Count(taken); used != row.used || free != row.free {
			t.Errorf("%+v with %s: %d used, %d free, want %d and %d", row.subnet, row.taken, used, free, row.used, row.free)
		}
	}
}

func TestPoolRunsOut(t *testing.T) {
	for _, row := range []struct {
		subnet Subnet
		free   int
	}{
		{subnet("10.1.0.0/30", "", "10.1.0.1"), 1},
		{subnet("10.1.0.0/24", "", "10.1.0.1"), 253},
		{subnet("10.1.0.0/24", "10.1.0.64/26", "10.1.0.1"), 64},
		{subnet("10.1.0.0/24", "10.1.0.192/26", "10.1.0.200"), 62}, // without the broadcast address and the gateway
		{subnet("10.1.0.0/16", "", "10.1.255.254"), 65533},
	} {
		p, err := newPool(row.subnet)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[netip.Addr]bool{}
		for {
			a, err := p.next()
			if err != nil {
				if !errors.Is(err, errdefs.ErrResourceExhausted) {
					t.Error(err)
				}
				break
			}
			if seen[a] || !row.subnet.Prefix.Contains(a) || a == row.subnet.Gateway {
				t.Fatalf("%v: gave %v", row.subnet, a)
			}
			seen[a] = true
		}
		if len(seen) != row.free {
			t.Errorf("%+v: %d addresses, want %d", row.subnet, len(seen), row.free)
		}
	}
}

func TestPoolRefuses(t *testing.T) {
	for _, s := range []Subnet{
		subnet("10.1.0.0/31", "", ""), subnet("2001:db8::/64", "", ""), subnet("10.1.0.0/24", "10.2.0.0/25", ""),
		subnet("10.1.0.0/24", "10.1.0.0/16", ""), subnet("10.1.0.0/24", "", "10.1.0.255"),
		subnet("10.1.0.0/24", "", "10.2.0.1"),
	} {
		if _, err := newPool(s); !errors.Is(err, errdefs.ErrInvalidArgument) {
			t.Errorf("%+v: %v", s, err)
		}
	}
	p, err := newPool(subnet("10.1.0.0/24", "", "10.1.0.1"))
	if err != nil {
		t.Fatal(err)
	}
	for address, class := range map[string]error{"10.1.0.1": errdefs.ErrConflict, "10.1.0.0": errdefs.ErrInvalidArgument,
		"10.1.0.255": errdefs.ErrInvalidArgument, "10.3.0.4": errdefs.ErrInvalidArgument} {
		if err := p.take(netip.MustParseAddr(address)); !errors.Is(err, class) {
			t.Errorf("%s: %v", address, err)
		}
	}
}
