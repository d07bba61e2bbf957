package network

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
)

// TestPortTable checks that a port is taken once on an address, that an unspecified address stands for all of its
// family, and that a port that was given back can be taken again.
func TestPortTable(t *testing.T) {
	at := netip.MustParseAddrPort
	for _, row := range []struct {
		taken, wanted string // proto address:port
		free          bool
	}{
		{"tcp 0.0.0.0:80", "tcp 0.0.0.0:80", false},
		{"tcp 0.0.0.0:80", "tcp 127.0.0.1:80", false},
		{"tcp 127.0.0.1:80", "tcp 0.0.0.0:80", false},
		{"tcp 127.0.0.1:80", "tcp 127.0.0.1:80", false},
		{"tcp 127.0.0.1:80", "tcp 127.0.0.2:80", true},
		{"tcp 0.0.0.0:80", "udp 0.0.0.0:80", true},
		{"tcp 0.0.0.0:80", "tcp 0.0.0.0:81", true},
		{"tcp 0.0.0.0:80", "tcp [::]:80", true},
		{"tcp [::]:80", "tcp [::1]:80", false},
		{"tcp [::1]:80", "tcp [::]:80", false},
		{"tcp [::1]:80", "tcp 127.0.0.1:80", true},
	} {
		table := portTable{}
		proto, address, _ := strings.Cut(row.taken, " ")
		if !table.take(proto, at(address), "a") {
			t.Errorf("%s is taken in an empty table", row.taken)
		}
		wantedProto, wanted, _ := strings.Cut(row.wanted, " ")
		if table.take(wantedProto, at(wanted), "b") != row.free {
			t.Errorf("%s beside %s: free %v, want %v", row.wanted, row.taken, !row.free, row.free)
		}
		table.give(proto, at(address))
		table.give(proto, at(address)) // is not taken
		if !table.take(proto, at(address), "c") && (!row.free || row.wanted == row.taken) {
			t.Errorf("%s cannot be taken again", row.taken)
		}
		for _, text := range []string{row.taken, row.wanted} {
			proto, address, _ := strings.Cut(text, " ")
			table.give(proto, at(address))
		}
		if len(table) > 0 {
			t.Errorf("%s and %s: %v is left", row.taken, row.wanted, table)
		}
	}
}

// TestAddresses checks where a port is published if the request says, if the network says, and if neither does.
func TestAddresses(t *testing.T) {
	local, any4 := netip.MustParseAddr("127.0.0.1"), netip.IPv4Unspecified()
	mapped := netip.MustParseAddr("::ffff:127.0.0.1")
	for _, row := range []struct {
		port Port
		of   Network
		want []netip.Addr
	}{
		{Port{Proto: "tcp", HostIP: local}, Network{HostIP: any4}, []netip.Addr{local}},
		{Port{Proto: "tcp", HostIP: mapped}, Network{}, []netip.Addr{local}},
		{Port{Proto: "tcp"}, Network{HostIP: local}, []netip.Addr{local}},
		{Port{Proto: "sctp"}, Network{HostIP: any4}, []netip.Addr{any4}},
		{Port{Proto: "sctp"}, Network{}, []netip.Addr{any4}},
	} {
		if got := addresses(row.port, &bridge{Network: row.of}); !slices.Equal(got, row.want) {
			t.Errorf("%+v of %v: %v, want %v", row.port, row.of.HostIP, got, row.want)
		}
	}
	want := []netip.Addr{any4}
	if haveIPv6() {
		want = append(want, netip.IPv6Unspecified())
	}
	if got := addresses(Port{Proto: "tcp"}, &bridge{Network: Network{HostIP: any4}}); !slices.Equal(got, want) {
		t.Errorf("nobody says: %v, want %v", got, want)
	}
}

// TestSpared checks that fixed ports are spared as long as anybody who asked for them is about to start.
func TestSpared(t *testing.T) {
	var s SparedPorts
	free1 := s.Spare([]Port{{Proto: "tcp", Host: 80}, {Proto: "tcp", Host: 90, HostEnd: 99}, {Proto: "udp"}})
	free2 := s.Spare([]Port{{Proto: "tcp", Host: 80, HostEnd: 80}})
	for _, row := range []struct {
		proto string
		port  uint16
		want  bool
	}{{"tcp", 80, true}, {"udp", 80, false}, {"tcp", 90, false}, {"tcp", 95, false}, {"udp", 0, false}} {
		if s.Has(row.proto, row.port) != row.want {
			t.Errorf("%s %d is spared: %v", row.proto, row.port, !row.want)
		}
	}
	free1()
	if !s.Has("tcp", 80) {
		t.Error("the second's port is not spared any more")
	}
	free2()
	if s.Has("tcp", 80) || len(s.count) > 0 {
		t.Errorf("left: %v", s.count)
	}
}

// TestNewBridge checks that impossible networks are refused before anything is made.
func TestNewBridge(t *testing.T) {
	subnet := func(prefix, gateway string) Subnet {
		s := Subnet{Prefix: netip.MustParsePrefix(prefix)}
		if gateway != "" {
			s.Gateway = netip.MustParseAddr(gateway)
		}
		return s
	}
	good := Network{Name: "n", Bridge: "br0", Subnets: []Subnet{subnet("172.30.0.0/16", "172.30.0.1")}}
	for what, row := range map[string]struct {
		edit func(n *Network)
		want error // nil if it is accepted
	}{
		"good":               {func(*Network) {}, nil},
		"its driver by name": {func(n *Network) { n.Driver = "bridge" }, nil},
		"another driver":     {func(n *Network) { n.Driver = "macvlan" }, errdefs.ErrNotImplemented},
		"no name":            {func(n *Network) { n.Bridge = "" }, errdefs.ErrInvalidArgument},
		"15 bytes":           {func(n *Network) { n.Bridge = "fifteen-letters" }, nil},
		"16 bytes":           {func(n *Network) { n.Bridge = "sixteen-letters-" }, errdefs.ErrInvalidArgument},
		"a slash":            {func(n *Network) { n.Bridge = "a/b" }, errdefs.ErrInvalidArgument},
		"a colon":            {func(n *Network) { n.Bridge = "eth0:1" }, errdefs.ErrInvalidArgument},
		"a space":            {func(n *Network) { n.Bridge = "a b" }, errdefs.ErrInvalidArgument},
		"the folder itself":  {func(n *Network) { n.Bridge = "." }, errdefs.ErrInvalidArgument},
		"the folder above":   {func(n *Network) { n.Bridge = ".." }, errdefs.ErrInvalidArgument},
		"no subnet":          {func(n *Network) { n.Subnets = nil }, errdefs.ErrInvalidArgument},
		"two subnets": {func(n *Network) { n.Subnets = append(n.Subnets, n.Subnets...) },
			errdefs.ErrInvalidArgument},
		"IPv6": {func(n *Network) { n.Subnets = []Subnet{subnet("fd00::/64", "")} },
			errdefs.ErrInvalidArgument},
		"a /31": {func(n *Network) { n.Subnets = []Subnet{subnet("10.0.0.0/31", "")} },
			errdefs.ErrInvalidArgument},
		"a gateway elsewhere": {func(n *Network) { n.Subnets = []Subnet{subnet("10.0.0.0/8", "11.0.0.1")} },
			errdefs.ErrInvalidArgument},
		"a way out":           {func(n *Network) { n.Via = netip.MustParseAddr("172.30.0.254") }, nil},
		"a way out by itself": {func(n *Network) { n.Via = n.Subnets[0].Gateway }, nil},
		"a way out of the range": {func(n *Network) { n.Via = netip.MustParseAddr("172.31.0.1") },
			errdefs.ErrInvalidArgument},
	} {
		n := good
		n.Subnets = slices.Clone(good.Subnets)
		row.edit(&n)
		b, err := newBridge(n)
		if (err == nil) != (row.want == nil) || err != nil && (!errors.Is(err, row.want) ||
			!strings.HasPrefix(err.Error(), "network n: ")) {
			t.Errorf("%s: %v", what, err)
		}
		if err == nil && n.Via.IsValid() && n.Via != n.Subnets[0].Gateway && !errors.Is(b.pool.take(n.Via),
			errdefs.ErrConflict) {
			t.Errorf("%s: a container can have its address", what)
		}
	}
}

// TestChoice checks that ports with less choice are reserved first.
func TestChoice(t *testing.T) {
	for _, row := range []struct {
		port Port
		want int
	}{{Port{Host: 80}, 0}, {Port{Host: 80, HostEnd: 80}, 0}, {Port{Host: 80, HostEnd: 89}, 9}, {Port{}, lastFree},
		{Port{Host: 90, HostEnd: 80}, 0}} {
		if got := row.port.choice(); got != row.want {
			t.Errorf("%+v: %d, want %d", row.port, got, row.want)
		}
	}
}

// TestGroupOf checks that the links of different daemons are in different groups, and none in everybody's.
func TestGroupOf(t *testing.T) {
	seen := map[uint32]string{}
	for _, mark := range []string{"", "box of /run/a", "box of /run/b", "box of /run/docker"} {
		g := groupOf(mark)
		if other, known := seen[g]; known || g == 0 || g > 1<<31-1 {
			t.Errorf("%q has group %d, as %q", mark, g, other)
		}
		seen[g] = mark
	}
}
