package firewall

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

func bridge(name string) Bridge {
	return Bridge{Name: name, Subnet: netip.MustParsePrefix("172.30.0.0/16"), ICC: true, Masquerade: true}
}

// published returns the ports of one container.
func published() []Port {
	to := netip.MustParseAddr("172.30.0.2")
	return []Port{
		{"tcp", netip.IPv4Unspecified(), 8080, netip.AddrPortFrom(to, 80)},
		{"udp", netip.MustParseAddr("127.0.0.1"), 53, netip.AddrPortFrom(to, 5353)},
		{"tcp", netip.IPv6Unspecified(), 8080, netip.AddrPortFrom(to, 80)}, // rules pass it over
	}
}

func isChanged(err error) bool { return errors.Is(err, ErrChanged) }

// text writes an expression as nft does, as far as these rules need it.
func text(e []expr.Any) string {
	var words []string
	what := ""
	for _, x := range e {
		switch x := x.(type) {
		case *expr.Meta:
			what = map[expr.MetaKey]string{expr.MetaKeyIIFNAME: "iifname", expr.MetaKeyOIFNAME: "oifname",
				expr.MetaKeyL4PROTO: "l4proto"}[x.Key]
		case *expr.Payload:
			what = fmt.Sprintf("%d@%d", x.Base, x.Offset)
			what = map[string]string{"1@12": "saddr", "1@16": "daddr", "2@2": "dport"}[what]
		case *expr.Ct:
			what = map[expr.CtKey]string{expr.CtKeySTATE: "state", expr.CtKeySTATUS: "status"}[x.Key]
		case *expr.Fib:
			what = "local"
		case *expr.Bitwise:
			what += "&" + hex.EncodeToString(x.Mask)
		case *expr.Cmp:
			op := map[expr.CmpOp]string{expr.CmpOpEq: "=", expr.CmpOpNeq: "!="}[x.Op]
			value := hex.EncodeToString(x.Data)
			if strings.HasSuffix(what, "ifname") {
				value = unix.ByteSliceToString(x.Data)
			}
			words = append(words, what+op+value)
		case *expr.Lookup:
			words = append(words, "@"+x.SetName)
		case *expr.NAT:
			words = append(words, "dnat")
		case *expr.Masq:
			words = append(words, "masquerade")
		case *expr.Verdict:
			words = append(words, map[expr.VerdictKind]string{expr.VerdictAccept: "accept", expr.VerdictDrop: "drop"}[x.Kind])
		}
	}
	return strings.Join(words, " ")
}

// TestRules checks the rules of each kind of network, in the order in which the kernel applies them.
func TestRules(t *testing.T) {
	const (
		loop, subnet = "&ff000000=7f000000", "&ffff0000=ac1e0000"
		notNone      = "!=00000000"
	)
	bits := func(n uint32) string {
		return "&" + hex.EncodeToString(binary.NativeEndian.AppendUint32(nil, n)) + notNone
	}
	dnatted, answering := "status"+bits(1<<5), "state"+bits(2|4)
	common := []string{
		"raw iifname=b daddr" + loop + " drop",
		"prerouting daddr" + loop + " accept",
		"prerouting @ports dnat", "prerouting local=02000000 @ports dnat",
		"output @ports dnat", "output local=02000000 @ports dnat",
		"postrouting oifname=b saddr" + loop + " masquerade",
		"postrouting oifname=b saddr" + subnet + " " + dnatted + " masquerade",
	}
	out := "postrouting oifname!=b saddr" + subnet + " masquerade"
	for _, row := range []struct {
		what string
		edit func(*Bridge)
		want []string // after those that all networks have
	}{
		{"the usual", func(*Bridge) {}, []string{out, "accept"}},
		{"no masquerade", func(b *Bridge) { b.Masquerade = false }, []string{"accept"}},
		{"no ICC", func(b *Bridge) { b.ICC = false }, []string{out, "drop"}},
		{"internal", func(b *Bridge) { b.Internal, b.Masquerade = true, false },
			[]string{"forward iifname=b oifname!=b drop", "forward oifname=b iifname!=b drop", "accept"}},
	} {
		b := bridge("b")
		row.edit(&b)
		neighbours := row.want[len(row.want)-1]
		want := slices.Concat(common, row.want[:len(row.want)-1], []string{
			"forward oifname=b " + answering + " accept", "forward oifname=b " + dnatted + " accept",
			"forward oifname=b iifname=b " + neighbours, "forward oifname=b drop",
		})
		var got []string
		for _, r := range bridgeRules(b, portMap((&rules{}).table("b"))) {
			got = append(got, r.chain+" "+text(r.exprs))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s:\n%s\nwant\n%s", row.what, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		for _, r := range bridgeRules(b, portMap((&rules{}).table("b"))) {
			if !slices.ContainsFunc(baseChains, func(c baseChain) bool { return c.name == r.chain }) {
				t.Errorf("%s: chain %s is not made", row.what, r.chain)
			}
		}
	}
}

// TestElements checks the encoding of ports: a key of address, protocol and number in four bytes each, and a value of
// address and number.
func TestElements(t *testing.T) {
	var got []string
	for _, e := range elements(published()) {
		got = append(got, hex.EncodeToString(e.Key)+" "+hex.EncodeToString(e.Val))
	}
	want := []string{
		"00000000" + "06000000" + "1f900000" + " ac1e0002" + "00500000",
		"7f000001" + "11000000" + "00350000" + " ac1e0002" + "14e90000",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	for name, number := range map[string]int{"tcp": 6, "udp": 17, "sctp": 132} {
		if n, known := Protocol(name); n != number || !known {
			t.Errorf("%s is %d", name, n)
		}
	}
	if _, known := Protocol("icmp"); known {
		t.Error("icmp has ports")
	}
}

// TestMark checks that each exec root has its own mark, which fits into a comment that nft shows.
func TestMark(t *testing.T) {
	long := "/" + strings.Repeat("x", 200)
	marks := map[string]string{}
	for _, root := range []string{"/run/a", "/run/b", long, long + "y"} {
		mark := Mark(root)
		if other, known := marks[mark]; known || len(mark) > maxMark || !strings.HasPrefix(mark, ownerMark) {
			t.Errorf("%.20s has the mark %q, as %.20q", root, mark, other)
		}
		marks[mark] = root
		if Mark(root+"/") != mark || Mark(root) != mark {
			t.Errorf("%.20s has several marks", root)
		}
	}
}

// TestNoTables checks that only the errors of a kernel without nf_tables count as such.
func TestNoTables(t *testing.T) {
	for err, want := range map[error]bool{
		syscall.EOPNOTSUPP: true, syscall.EPROTONOSUPPORT: true, syscall.ENOENT: true,
		fmt.Errorf("rules: %w", syscall.EOPNOTSUPP): true, syscall.EPERM: false, syscall.ENOBUFS: false,
		errors.New("x"): false,
	} {
		if noTables(err) != want {
			t.Errorf("%v: %v", err, !want)
		}
	}
}
