// Package ipam chooses the subnets of networks: the next one of some pools that is free, where what is taken is known.
// It is pure; what the host uses is read from texts of the kernel's and the resolver's.
package ipam

import (
	"cmp"
	"crypto/sha256"
	"net/netip"
	"slices"

	"box/engine/refuse"
)

// Pool is a range from which subnets of one size are taken.
type Pool struct {
	Base netip.Prefix
	Size int // bits of a subnet
}

// Defaults returns Docker's pools for IPv4.
func Defaults() []Pool {
	pools := []Pool{}
	for i := 17; i < 32; i++ {
		pools = append(pools, Pool{netip.PrefixFrom(netip.AddrFrom4([4]byte{172, byte(i)}), 16), 16})
	}
	return append(pools, Pool{netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 168}), 16), 20})
}

// ULA returns the pool of unique local IPv6 addresses (RFC 4193) of an engine. It is made from the engine's ID, so that
// two hosts hardly ever have the same one, and one host has it for ever.
func ULA(engine string) Pool {
	sum := sha256.Sum256([]byte(engine))
	base := [16]byte{0xfd}
	copy(base[1:6], sum[3:8]) // the 40 low bits of its first word, as Docker
	return Pool{netip.PrefixFrom(netip.AddrFrom16(base), 48), 64}
}

// ErrExhausted refuses a network when no subnet of the pools is free. The text is Docker's.
var ErrExhausted = refuse.Invalid("all predefined address pools have been fully subnetted")

// ErrOverlap refuses a subnet that has addresses of another network's. The text is Docker's.
var ErrOverlap = refuse.Denied("Pool overlaps with other one on this address space")

// Free returns the first subnet of the pools, of IPv6 if six is set, that overlaps nothing of taken.
func Free(pools []Pool, six bool, taken []netip.Prefix) (netip.Prefix, error) {
	sorted := slices.Clone(taken)
	slices.SortFunc(sorted, func(a, b netip.Prefix) int {
		return cmp.Or(a.Masked().Addr().Compare(b.Masked().Addr()), cmp.Compare(a.Bits(), b.Bits()))
	})
	for _, p := range pools {
		if p.Base.Addr().Is6() != six {
			continue
		}
		if free, ok := p.free(sorted); ok {
			return free, nil
		}
	}
	return netip.Prefix{}, ErrExhausted
}

// free returns the first subnet of the pool that overlaps nothing of taken, which is sorted.
func (p Pool) free(taken []netip.Prefix) (netip.Prefix, bool) {
	next := netip.PrefixFrom(p.Base.Masked().Addr(), p.Size)
	for _, t := range taken {
		if !t.Overlaps(next) {
			continue // before it, within one that was passed, or behind it: then no later one overlaps either
		}
		end := Last(next)
		if theirs := Last(t); end.Less(theirs) {
			end = theirs
		}
		if end = end.Next(); !p.Base.Contains(end) { // the invalid address after the last one too
			return netip.Prefix{}, false
		}
		next = netip.PrefixFrom(end, p.Size)
	}
	return next, true
}

// Overlap tells whether a subnet has addresses of one in taken.
func Overlap(subnet netip.Prefix, taken []netip.Prefix) bool {
	return slices.ContainsFunc(taken, subnet.Overlaps)
}

// Last returns the last address of a prefix.
func Last(p netip.Prefix) netip.Addr {
	raw := p.Addr().AsSlice()
	for bit := p.Bits(); bit < len(raw)*8; bit++ {
		raw[bit/8] |= 0x80 >> (bit % 8)
	}
	last, _ := netip.AddrFromSlice(raw)
	return last
}

// Gateway returns the address of the bridge in a subnet for which the user named none: the first one of the range that
// containers get theirs from, or of the subnet, that is not reserved.
func Gateway(subnet, within netip.Prefix, reserved []netip.Addr) (netip.Addr, error) {
	if !within.IsValid() {
		within = subnet
	}
	a, last := within.Masked().Addr(), Last(within)
	if a == subnet.Masked().Addr() && subnet.Bits() < a.BitLen()-1 {
		a = a.Next() // the subnet itself has the first
	}
	for ; a.IsValid() && !last.Less(a); a = a.Next() {
		if !slices.Contains(reserved, a) && (a.Is6() || a != Last(subnet) || subnet.Bits() == 32) {
			return a, nil
		}
	}
	return netip.Addr{}, refuse.Invalid("no available IPv%s addresses on this network's address pools: %s", family(subnet), within)
}

// family returns "4" or "6".
func family(p netip.Prefix) string {
	if p.Addr().Is6() {
		return "6"
	}
	return "4"
}
