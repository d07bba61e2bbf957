package ipam

import (
	"errors"
	"net/netip"
	"testing"
)

func prefixes(texts ...string) (list []netip.Prefix) {
	for _, t := range texts {
		list = append(list, netip.MustParsePrefix(t))
	}
	return list
}

// TestFree: which subnet comes next.
func TestFree(t *testing.T) {
	small := Pool{netip.MustParsePrefix("10.0.0.0/22"), 24}
	top := Pool{netip.MustParsePrefix("255.255.255.0/24"), 26}
	six := Pool{netip.MustParsePrefix("fd00:1::/62"), 64}
	end := Pool{netip.MustParsePrefix("ffff:ffff:ffff:ffff::/64"), 64}
	for _, row := range []struct {
		what  string
		pools []Pool
		six   bool
		taken []netip.Prefix
		want  string
	}{
		{"nothing taken", Defaults(), false, nil, "172.17.0.0/16"},
		{"the first is taken", Defaults(), false, prefixes("172.17.0.0/16"), "172.18.0.0/16"},
		{"a part of it", Defaults(), false, prefixes("172.17.200.0/30"), "172.18.0.0/16"},
		{"a hole between", Defaults(), false, prefixes("172.17.0.0/16", "172.19.0.0/16"), "172.18.0.0/16"},
		{"all of 172", Defaults(), false, prefixes("172.16.0.0/12"), "192.168.0.0/20"},
		{"all of 172 and more", Defaults(), false, prefixes("172.0.0.0/8", "192.168.16.0/20", "192.168.0.0/20"),
			"192.168.32.0/20"},
		{"one address", Defaults(), false, prefixes("172.17.0.5/32"), "172.18.0.0/16"},
		{"another family", Defaults(), false, prefixes("fd00::/8", "::/0"), "172.17.0.0/16"},
		{"nested", []Pool{small}, false, prefixes("10.0.1.0/24", "10.0.0.0/24", "10.0.0.0/23", "10.0.0.8/29"),
			"10.0.2.0/24"},
		{"not masked", []Pool{small}, false, prefixes("10.0.0.77/24"), "10.0.1.0/24"},
		{"exhausted", []Pool{small}, false, prefixes("10.0.0.0/8"), ""},
		{"exhausted one by one", []Pool{small}, false, prefixes("10.0.3.1/32", "10.0.2.1/32", "10.0.1.1/32", "10.0.0.1/32"), ""},
		{"the next pool", []Pool{small, top}, false, prefixes("10.0.0.0/22"), "255.255.255.0/26"},
		{"the end of all addresses", []Pool{top}, false, prefixes("255.255.255.0/24"), ""},
		{"no pool", nil, false, nil, ""},
		{"no pool of the family", []Pool{six}, false, nil, ""},
		{"IPv6", []Pool{small, six}, true, prefixes("fd00:1::/64", "fd00:1:0:2::/63"), "fd00:1:0:1::/64"},
		{"IPv6 exhausted", []Pool{six}, true, prefixes("fd00::/8"), ""},
		{"the end of IPv6", []Pool{end}, true, prefixes("ffff::/16"), ""},
	} {
		got, err := Free(row.pools, row.six, row.taken)
		if row.want == "" {
			if !errors.Is(err, ErrExhausted) {
				t.Errorf("%s: %v, %v", row.what, got, err)
			}
			continue
		}
		if err != nil || got.String() != row.want {
			t.Errorf("%s: %v, %v; want %s", row.what, got, err, row.want)
		}
	}
}

// TestFreeAll: all subnets of the default pools, one after the other, and none overlaps another.
func TestFreeAll(t *testing.T) {
	var taken []netip.Prefix
	for {
		p, err := Free(Defaults(), false, taken)
		if err != nil {
			break
		}
		if Overlap(p, taken) || p != p.Masked() {
			t.Fatalf("%s after %v", p, taken)
		}
		taken = append(taken, p)
	}
	if len(taken) != 31 { // 15 of 172, 16 of 192.168
		t.Errorf("%d subnets: %v", len(taken), taken)
	}
}

// TestULA: the pool is the engine's own, and that for ever.
func TestULA(t *testing.T) {
	a, b := ULA("a"), ULA("b")
	if a == b || a != ULA("a") || a.Size != 64 || a.Base.Bits() != 48 || a.Base != a.Base.Masked() ||
		!netip.MustParsePrefix("fd00::/8").Contains(a.Base.Addr()) {
		t.Errorf("%v %v", a, b)
	}
}

// TestGateway: the bridge's address where nobody names one.
func TestGateway(t *testing.T) {
	for _, row := range []struct{ subnet, within, reserved, want string }{
		{"10.0.0.0/24", "", "", "10.0.0.1"},
		{"10.0.0.0/24", "", "10.0.0.1", "10.0.0.2"},
		{"10.0.0.0/24", "10.0.0.128/25", "", "10.0.0.128"},
		{"10.0.0.0/24", "10.0.0.0/25", "", "10.0.0.1"},
		{"10.0.0.0/30", "10.0.0.3/32", "", ""}, // only the broadcast address
		{"fd00::/64", "", "", "fd00::1"},
		{"fd00::/126", "", "fd00::1", "fd00::2"},
		{"10.0.0.0/31", "", "", "10.0.0.0"},
	} {
		var within netip.Prefix
		if row.within != "" {
			within = netip.MustParsePrefix(row.within)
		}
		var reserved []netip.Addr
		if row.reserved != "" {
			reserved = append(reserved, netip.MustParseAddr(row.reserved))
		}
		got, err := Gateway(netip.MustParsePrefix(row.subnet), within, reserved)
		if (err != nil) != (row.want == "") || err == nil && got.String() != row.want {
			t.Errorf("%+v: %v, %v", row, got, err)
		}
	}
}

// TestRoutes: what the kernel and the resolver's file say is in use; odd lines are passed over.
func TestRoutes(t *testing.T) {
	four := "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n" +
		"eth0\t00000000\t0102000A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n" +
		"eth0\t0002000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n" +
		"vpn\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n" +
		"odd\tXX\t0\t0\t0\t0\t0\tFF\n" + "short\n"
	six := "fd000001000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 " +
		"00000100 00000001 00000000 00000001 eth0\n" +
		"fe800000000000000000000000000000 40 0 00 0 0 0 0 0 eth0\n" +
		"fd000001000000000000000000000009 80 0 00 0 0 0 0 0 lo\n" +
		"ff000000000000000000000000000000 08 0 00 0 0 0 0 0 eth0\n" +
		"00000000000000000000000000000000 00 0 00 0 0 0 0 0 lo\nzz 40\n"
	got := Routes(four, six)
	want := prefixes("10.0.2.0/24", "172.17.0.0/16", "fd00:1::/64")
	if len(got) != len(want) {
		t.Fatalf("%v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%v, want %v", got[i], want[i])
		}
	}
	servers := Resolvers("search x\nnameserver 172.17.0.53\nnameserver fe80::1%eth0\nnameserver 127.0.0.53\n" +
		"nameserver ::ffff:10.0.0.1\nnameserver x\nnameserver\n#nameserver 1.2.3.4\n")
	if len(servers) != 3 || servers[0].String() != "172.17.0.53/32" || servers[1].String() != "fe80::1/128" ||
		servers[2].String() != "10.0.0.1/32" {
		t.Errorf("%v", servers)
	}
	if free, err := Free(Defaults(), false, append(got, servers...)); err != nil || free.String() != "172.18.0.0/16" {
		t.Errorf("%v, %v", free, err)
	}
}
