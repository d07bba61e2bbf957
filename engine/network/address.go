package network

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"net"
	"net/netip"

	"github.com/containerd/errdefs"
)

// pool hands out the IPv4 addresses of one subnet, the lowest free one first.
type pool struct {
	prefix netip.Prefix
	first  uint32   // the range to take addresses from, both ends included
	last   uint32   //
	used   []uint64 // a bit an address, from the prefix's first on; grown as needed
}

// Count counts the addresses of a subnet: those in use, which are the first, the last, the gateway's and the taken
// ones, and those that are left in its range.
func (s Subnet) Count(taken []netip.Addr) (used, free uint64) {
	base := number(s.Prefix.Masked().Addr())
	in := map[netip.Addr]bool{address(base): true, address(base | (1<<(32-s.Prefix.Bits()) - 1)): true}
	for _, a := range append([]netip.Addr{s.Gateway}, taken...) {
		if s.Prefix.Contains(a) {
			in[a] = true
		}
	}
	from := s.Prefix
	if s.Range.IsValid() {
		from = s.Range
	}
	free = 1 << (32 - from.Bits())
	for a := range in {
		if from.Contains(a) {
			free--
		}
	}
	return uint64(len(in)), free
}

// newPool makes a pool without the prefix's own address, its broadcast address and the gateway.
func newPool(s Subnet) (*pool, error) {
	if !s.Prefix.Addr().Is4() || s.Prefix.Bits() > 30 {
		return nil, fmt.Errorf("subnet %s: box networks are IPv4 and at least a /30: %w", s.Prefix,
			errdefs.ErrInvalidArgument)
	}
	p := &pool{prefix: s.Prefix.Masked()}
	base := number(p.prefix.Addr())
	end := base | (1<<(32-p.prefix.Bits()) - 1)
	p.first, p.last = base+1, end-1
	if r := s.Range; r.IsValid() {
		r = r.Masked()
		if !r.Addr().Is4() || r.Bits() < p.prefix.Bits() || !p.prefix.Contains(r.Addr()) {
			return nil, fmt.Errorf("range %s is not within subnet %s: %w", r, p.prefix, errdefs.ErrInvalidArgument)
		}
		p.first = max(p.first, number(r.Addr()))
		p.last = min(p.last, number(r.Addr())|(1<<(32-r.Bits())-1))
	}
	if s.Gateway.IsValid() {
		if err := p.take(s.Gateway); err != nil {
			return nil, fmt.Errorf("gateway %s: %w", s.Gateway, err)
		}
	}
	for _, a := range s.Taken {
		if err := p.take(a); err != nil {
			return nil, fmt.Errorf("auxiliary address %s: %w", a, err)
		}
	}
	return p, nil
}

// next takes the lowest free address of the range.
func (p *pool) next() (netip.Addr, error) {
	base := number(p.prefix.Addr())
	for i := p.first - base; i <= p.last-base; {
		word := uint64(0)
		if int(i/64) < len(p.used) {
			word = p.used[i/64]
		}
		free := ^word &^ (1<<(i%64) - 1)
		if free == 0 {
			i = (i/64 + 1) * 64
			continue
		}
		i = i/64*64 + uint32(bits.TrailingZeros64(free))
		if i > p.last-base {
			break
		}
		p.set(i)
		return address(base + i), nil
	}
	return netip.Addr{}, fmt.Errorf("no available IPv4 addresses on subnet %s: %w", p.prefix, errdefs.ErrResourceExhausted)
}

// take takes one address, which may be outside the range but not outside the subnet.
func (p *pool) take(a netip.Addr) error {
	base := number(p.prefix.Addr())
	if !p.prefix.Contains(a) || number(a) == base || number(a) == base|(1<<(32-p.prefix.Bits())-1) {
		return fmt.Errorf("%s is not a host's address on subnet %s: %w", a, p.prefix, errdefs.ErrInvalidArgument)
	}
	i := number(a) - base
	if int(i/64) < len(p.used) && p.used[i/64]&(1<<(i%64)) != 0 {
		return busyAddress{}
	}
	p.set(i)
	return nil
}

// give puts an address back.
func (p *pool) give(a netip.Addr) {
	if i := number(a) - number(p.prefix.Addr()); p.prefix.Contains(a) && int(i/64) < len(p.used) {
		p.used[i/64] &^= 1 << (i % 64)
	}
}

func (p *pool) set(i uint32) {
	for len(p.used) <= int(i/64) {
		p.used = append(p.used, 0)
	}
	p.used[i/64] |= 1 << (i % 64)
}

// busyAddress is Docker's text for an address that another container has.
type busyAddress struct{}

func (busyAddress) Error() string { return "Address already in use" }
func (busyAddress) Unwrap() error { return errdefs.ErrConflict }

func number(a netip.Addr) uint32 {
	b := a.As4()
	return binary.BigEndian.Uint32(b[:])
}

func address(n uint32) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], n)
	return netip.AddrFrom4(b)
}

// macOf makes a locally administered hardware address from an IPv4 address, as Docker does.
func macOf(a netip.Addr) net.HardwareAddr {
	b := a.As4()
	return net.HardwareAddr{0x02, 0x42, b[0], b[1], b[2], b[3]}
}
