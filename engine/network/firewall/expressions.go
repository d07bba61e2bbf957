package firewall

import (
	"net"
	"net/netip"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// Registers: 1 is the first of 16 bytes, which is also the 4-byte registers 8 to 11.
const (
	reg1 = 1
	reg8 = 8
)

// ipsDstNAT is IPS_DST_NAT of linux/netfilter/nf_conntrack_common.h.
const ipsDstNAT = 1 << 5

func rule(parts ...[]expr.Any) []expr.Any { return slices.Concat(parts...) }

func iif(name string, same bool) []expr.Any { return linkName(expr.MetaKeyIIFNAME, name, same) }
func oif(name string, same bool) []expr.Any { return linkName(expr.MetaKeyOIFNAME, name, same) }

func linkName(key expr.MetaKey, name string, same bool) []expr.Any {
	padded := make([]byte, unix.IFNAMSIZ)
	copy(padded, name)
	op := expr.CmpOpEq
	if !same {
		op = expr.CmpOpNeq
	}
	return []expr.Any{&expr.Meta{Key: key, Register: reg1}, &expr.Cmp{Op: op, Register: reg1, Data: padded}}
}

// Offsets in the IPv4 header.
const (
	offSource      = 12
	offDestination = 16
)

func saddr(p netip.Prefix) []expr.Any { return within(offSource, p) }
func daddr(p netip.Prefix) []expr.Any { return within(offDestination, p) }

func within(offset uint32, p netip.Prefix) []expr.Any {
	return []expr.Any{
		&expr.Payload{DestRegister: reg1, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: 4},
		&expr.Bitwise{SourceRegister: reg1, DestRegister: reg1, Len: 4, Mask: net.CIDRMask(p.Bits(), 32),
			Xor: make([]byte, 4)},
		&expr.Cmp{Op: expr.CmpOpEq, Register: reg1, Data: p.Masked().Addr().AsSlice()},
	}
}

// answering matches packets of existing connections, and what is related to them.
func answering() []expr.Any {
	return conntrackBits(expr.CtKeySTATE, expr.CtStateBitESTABLISHED|expr.CtStateBitRELATED)
}

// dnatted matches packets of connections to published ports.
func dnatted() []expr.Any { return conntrackBits(expr.CtKeySTATUS, ipsDstNAT) }

func conntrackBits(key expr.CtKey, bits uint32) []expr.Any {
	return []expr.Any{
		&expr.Ct{Key: key, Register: reg1},
		&expr.Bitwise{SourceRegister: reg1, DestRegister: reg1, Len: 4, Mask: binaryutil.NativeEndian.PutUint32(bits),
			Xor: make([]byte, 4)},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: reg1, Data: make([]byte, 4)},
	}
}

func accept() []expr.Any     { return []expr.Any{&expr.Verdict{Kind: expr.VerdictAccept}} }
func drop() []expr.Any       { return []expr.Any{&expr.Verdict{Kind: expr.VerdictDrop}} }
func masquerade() []expr.Any { return []expr.Any{&expr.Masq{}} }

// publishedHere sends packets to a port that is published on the very address that they are for.
func publishedHere(ports *nftables.Set) []expr.Any {
	return rule([]expr.Any{&expr.Payload{DestRegister: reg8, Base: expr.PayloadBaseNetworkHeader, Offset: offDestination,
		Len: 4}},
		lookUp(ports))
}

// publishedAnywhere sends packets for any of the host's addresses to a port that is published on 0.0.0.0.
func publishedAnywhere(ports *nftables.Set) []expr.Any {
	return rule([]expr.Any{
		&expr.Fib{Register: reg1, ResultADDRTYPE: true, FlagDADDR: true},
		&expr.Cmp{Op: expr.CmpOpEq, Register: reg1, Data: binaryutil.NativeEndian.PutUint32(unix.RTN_LOCAL)},
		// All bits of the address are masked out. nft can list and read that, while it cannot print a plain constant
		// here.
		&expr.Payload{DestRegister: reg8, Base: expr.PayloadBaseNetworkHeader, Offset: offDestination, Len: 4},
		&expr.Bitwise{SourceRegister: reg8, DestRegister: reg8, Len: 4, Mask: make([]byte, 4), Xor: make([]byte, 4)},
	}, lookUp(ports))
}

// lookUp completes the key, whose address is in register 8, and rewrites the destination to what the map says.
func lookUp(ports *nftables.Set) []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: reg8 + 1},
		&expr.Payload{DestRegister: reg8 + 2, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2},
		&expr.Lookup{SourceRegister: reg8, DestRegister: reg1, IsDestRegSet: true, SetName: ports.Name, SetID: ports.ID},
		&expr.NAT{Type: expr.NATTypeDestNAT, Family: unix.NFPROTO_IPV4, RegAddrMin: reg1, RegProtoMin: reg8 + 1},
	}
}
