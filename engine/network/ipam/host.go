package ipam

import (
	"encoding/binary"
	"encoding/hex"
	"math/bits"
	"net/netip"
	"strings"
)

// Routes returns the subnets to which the host has routes, from /proc/net/route and /proc/net/ipv6_route. Default
// routes, multicast, link-local addresses and single addresses of the host itself are left out.
func Routes(four, six string) (list []netip.Prefix) {
	add := func(p netip.Prefix) {
		if p.IsValid() && p.Bits() > 0 && !p.Addr().IsMulticast() && !p.Addr().IsLinkLocalUnicast() &&
			!p.Addr().IsLoopback() {
			list = append(list, p.Masked())
		}
	}
	for line := range strings.Lines(four) {
		if f := strings.Fields(line); len(f) > 7 { // Iface Destination Gateway Flags RefCnt Use Metric Mask
			add(route4(f[1], f[7]))
		}
	}
	for line := range strings.Lines(six) {
		if f := strings.Fields(line); len(f) > 1 { // destination, its length, ...
			add(route6(f[0], f[1]))
		}
	}
	return list
}

// route4 parses a destination and a mask as the kernel prints them: hexadecimal, in the order of the host's bytes.
func route4(destination, mask string) netip.Prefix {
	to, err := hex.DecodeString(destination)
	if err != nil || len(to) != 4 {
		return netip.Prefix{}
	}
	raw, err := hex.DecodeString(mask)
	if err != nil || len(raw) != 4 {
		return netip.Prefix{}
	}
	var a [4]byte
	binary.NativeEndian.PutUint32(a[:], binary.BigEndian.Uint32(to))
	return netip.PrefixFrom(netip.AddrFrom4(a), bits.OnesCount32(binary.BigEndian.Uint32(raw)))
}

func route6(destination, length string) netip.Prefix {
	to, err := hex.DecodeString(destination)
	if err != nil || len(to) != 16 {
		return netip.Prefix{}
	}
	n, err := hex.DecodeString(length)
	if err != nil || len(n) != 1 || n[0] == 128 {
		return netip.Prefix{}
	}
	return netip.PrefixFrom(netip.AddrFrom16([16]byte(to)), int(n[0]))
}

// Resolvers returns the name servers of a resolv.conf, each as a network of one address. Those on the host's loopback
// are in the way of no network.
func Resolvers(conf string) (list []netip.Prefix) {
	for line := range strings.Lines(conf) {
		f := strings.Fields(line)
		if len(f) < 2 || f[0] != "nameserver" {
			continue
		}
		if a, err := netip.ParseAddr(f[1]); err == nil && !a.IsLoopback() {
			a = a.Unmap().WithZone("")
			list = append(list, netip.PrefixFrom(a, a.BitLen()))
		}
	}
	return list
}
