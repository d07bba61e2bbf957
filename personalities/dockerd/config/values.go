package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/go-units"
	"github.com/moby/moby/api/types/container"

	"box/engine/network/ipam"
)

// Values with a syntax of their own. Their error messages are Docker's.
type (
	inverse   bool // the opposite of the given value
	address   netip.Addr
	addresses []netip.Addr
	cidr      netip.Prefix
	pools     []ipam.Pool
	labels    []string
	ulimits   []*container.Ulimit
	size      int64 // bytes
)

// UnmarshalText parses a boolean.
func (i *inverse) UnmarshalText(raw []byte) error {
	text := string(raw)
	on, err := strconv.ParseBool(text)
	*i = inverse(!on)
	return err
}

// UnmarshalText parses an IPv4 address.
func (a *address) UnmarshalText(raw []byte) error {
	text := string(raw)
	ip, err := netip.ParseAddr(text)
	if err != nil {
		return fmt.Errorf("%s is not an ip address", text)
	}
	if ip = ip.Unmap(); !ip.Is4() {
		return fmt.Errorf("%s: containers have only IPv4", text)
	}
	*a = address(ip)
	return nil
}

// UnmarshalText adds an address.
func (a *addresses) UnmarshalText(raw []byte) error {
	text := string(raw)
	ip, err := netip.ParseAddr(strings.TrimSpace(text))
	if err != nil {
		return fmt.Errorf("%s is not an ip address", text)
	}
	*a = append(*a, ip)
	return nil
}

// UnmarshalText parses an IPv4 address or network, ADDRESS/BITS.
func (n *cidr) UnmarshalText(raw []byte) error {
	text := string(raw)
	p, err := netip.ParsePrefix(text)
	if err != nil || !p.Addr().Is4() {
		return fmt.Errorf("invalid CIDR address: %s", text)
	}
	*n = cidr(p)
	return nil
}

// UnmarshalText adds base=CIDR,size=BITS.
func (p *pools) UnmarshalText(raw []byte) error {
	text := string(raw)
	var base, bits string
	for _, field := range strings.Split(text, ",") {
		key, value, ok := strings.Cut(field, "=")
		switch {
		case !ok:
			return fmt.Errorf("invalid field '%s' must be a key=value pair", field)
		case key == "base":
			base = value
		case key == "size":
			bits = value
		default:
			return fmt.Errorf("unexpected key '%s' in '%s'", key, field)
		}
	}
	n, err := strconv.Atoi(bits)
	if err != nil {
		return fmt.Errorf("invalid size value: %q", bits)
	}
	b, err := netip.ParsePrefix(base)
	if err != nil {
		return fmt.Errorf("invalid base pool %q: %w", base, err)
	}
	if most := b.Addr().BitLen() - 2; n < b.Bits() || n > most {
		return fmt.Errorf("invalid pools size %d for %s: use a size between that of the base and %d", n, b, most)
	}
	*p = append(*p, ipam.Pool{Base: b.Masked(), Size: n})
	return nil
}

// UnmarshalText adds KEY=VALUE unless it is there.
func (l *labels) UnmarshalText(raw []byte) error {
	text := string(raw)
	if key, _, ok := strings.Cut(text, "="); !ok || key == "" {
		return fmt.Errorf("bad attribute format: %s", text)
	}
	if !slices.Contains(*l, text) {
		*l = append(*l, text)
	}
	return nil
}

// conflict reports a key with two values.
func (l labels) conflict() error {
	seen := map[string]string{}
	for _, text := range l {
		key, value, _ := strings.Cut(text, "=")
		if have, ok := seen[key]; ok && have != value {
			return fmt.Errorf("conflict labels for %s=%s and %s=%s", key, value, key, have)
		}
		seen[key] = value
	}
	return nil
}

// UnmarshalText adds NAME=SOFT[:HARD], replacing a limit of the same name.
func (u *ulimits) UnmarshalText(raw []byte) error {
	text := string(raw)
	l, err := units.ParseUlimit(text)
	if err != nil {
		return err
	}
	*u = append(slices.DeleteFunc(*u, func(o *container.Ulimit) bool { return o.Name == l.Name }), l)
	return nil
}

// UnmarshalText parses a size such as 64m.
func (s *size) UnmarshalText(raw []byte) error {
	text := string(raw)
	n, err := units.RAMInBytes(text)
	if err == nil && n < 1 {
		err = fmt.Errorf("invalid size: '%s'", text)
	}
	*s = size(n)
	return err
}

// Seconds converts a number of seconds; a negative one stands for no limit.
func Seconds(n int) time.Duration { return time.Duration(n) * time.Second }
