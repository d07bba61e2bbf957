package firewall

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// namesTable is the table in the network namespace of a container.
const namesTable = "box-names"

// namesPort is where programs ask for names.
const namesPort = 53

// RedirectNames makes what the programs in a network namespace send to port 53 of at come to the ports udp and tcp of
// it, so that a program there may have port 53 for itself. ns is a descriptor of the namespace.
func RedirectNames(ns int, at netip.Addr, udp, tcp uint16) error {
	c, err := nftables.New(nftables.WithNetNSFd(ns))
	if err != nil {
		return fmt.Errorf("rules for names: %w", err)
	}
	t := &nftables.Table{Family: nftables.TableFamilyIPv4, Name: namesTable}
	c.AddTable(t)
	c.DelTable(t)
	c.AddTable(t)
	accept := nftables.ChainPolicyAccept
	out := c.AddChain(&nftables.Chain{Table: t, Name: "output", Type: nftables.ChainTypeNAT,
		Hooknum: nftables.ChainHookOutput, Priority: nftables.ChainPriorityNATDest, Policy: &accept})
	for protocol, to := range map[byte]uint16{unix.IPPROTO_UDP: udp, unix.IPPROTO_TCP: tcp} {
		c.AddRule(&nftables.Rule{Table: t, Chain: out, Exprs: redirect(at, protocol, to)})
	}
	if err := c.Flush(); err != nil {
		return fmt.Errorf("rules for names: %w", err)
	}
	return nil
}

// redirect sends what goes to port 53 of at to another port of it.
func redirect(at netip.Addr, protocol byte, to uint16) []expr.Any {
	port := func(n uint16) []byte { return binary.BigEndian.AppendUint16(nil, n) }
	return slices.Concat(daddr(netip.PrefixFrom(at, 32)), []expr.Any{
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: reg1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: reg1, Data: []byte{protocol}},
		&expr.Payload{DestRegister: reg1, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2},
		&expr.Cmp{Op: expr.CmpOpEq, Register: reg1, Data: port(namesPort)},
		&expr.Immediate{Register: reg1, Data: at.AsSlice()},
		&expr.Immediate{Register: 2, Data: port(to)},
		&expr.NAT{Type: expr.NATTypeDestNAT, Family: unix.NFPROTO_IPV4, RegAddrMin: reg1, RegProtoMin: 2},
	})
}
