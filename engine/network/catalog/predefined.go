package catalog

import (
	"cmp"
	"net"
	"net/netip"
	"slices"
	"strconv"

	"box/engine/ident"
	"box/engine/network"
	"box/engine/network/ipam"
	"box/engine/refuse"
)

// Bridge configures the default network.
type Bridge struct {
	Name string       // docker0; "none" for no default network
	IP   netip.Prefix // address of the bridge and size of the network; zero for the first range that is free
	MTU  int          // bytes; 0 for the kernel's

	Range   netip.Prefix // of the containers' addresses; zero for all of the network
	Gateway netip.Addr   // of the containers; zero for the bridge
	Publish netip.Addr   // where ports are published that name no address; zero for everywhere
	Apart   bool         // containers do not reach each other
	NoMasq  bool         // no source NAT on the way out

	IPv6     bool         // containers have an IPv6 address too
	IP6      netip.Prefix // as IP
	Range6   netip.Prefix // as Range; without IP6 it is the network
	Gateway6 netip.Addr   // as Gateway

	Trusted []string // links of the host by which others reach containers directly
}

// Predefine stores the networks that always exist, as they are to be now. b is nil where there is no default network.
func (c *Catalog) Predefine(b *Bridge) error {
	wanted := []*Record{
		{Network: network.Network{Name: "host", Driver: "host"}},
		{Network: network.Network{Name: "none", Driver: "null"}},
	}
	if b != nil && b.Name != "none" {
		r, err := c.defaultBridge(b)
		if err != nil {
			return err
		}
		wanted = append(wanted, r)
	}
	var changed []*Record
	for _, w := range wanted {
		if have := c.Named(w.Name); have != nil {
			w.ID, w.Created = have.ID, have.Created
			if same(have, w) {
				continue
			}
		} else {
			w.ID, w.Created = ident.New(), c.o.Now().UTC()
		}
		changed = append(changed, w)
	}
	if len(changed) == 0 {
		return nil
	}
	return c.Put(changed...)
}

func same(a, b *Record) bool {
	x, y := a.Network, b.Network
	return x.Bridge == y.Bridge && x.MTU == y.MTU && x.HostIP == y.HostIP && x.ICC == y.ICC &&
		x.Masquerade == y.Masquerade && x.Via == y.Via && x.Via6 == y.Via6 && x.IPv6 == y.IPv6 &&
		slices.Equal(x.Trusted, y.Trusted) &&
		slices.EqualFunc(x.Subnets, y.Subnets, func(a, b network.Subnet) bool {
			return a.Prefix == b.Prefix && a.Range == b.Range && a.Gateway == b.Gateway
		})
}

// defaultBridge returns the network "bridge" as the options define it. What they leave open is taken from the link on
// the host or from the stored network.
func (c *Catalog) defaultBridge(o *Bridge) (*Record, error) {
	name := cmp.Or(o.Name, "docker0")
	publish := "0.0.0.0"
	if o.Publish.IsValid() {
		publish = o.Publish.String()
	}
	r := &Record{
		Network: network.Network{Name: "bridge", Driver: "bridge", Bridge: name, MTU: o.MTU, HostIP: o.Publish,
			Via: o.Gateway, Via6: o.Gateway6, IPv6: o.IPv6, ICC: !o.Apart, Masquerade: !o.NoMasq, Trusted: o.Trusted},
		Options: map[string]string{
			"com.docker.network.bridge.default_bridge":       "true",
			"com.docker.network.bridge.enable_icc":           strconv.FormatBool(!o.Apart),
			"com.docker.network.bridge.enable_ip_masquerade": strconv.FormatBool(!o.NoMasq),
			"com.docker.network.bridge.host_binding_ipv4":    publish,
			"com.docker.network.bridge.name":                 name,
			"com.docker.network.driver.mtu":                  strconv.Itoa(cmp.Or(o.MTU, 1500)),
		},
		Labels: map[string]string{},
	}
	four, err := c.defaultSubnet(o, name)
	if err != nil {
		return r, err
	}
	r.Subnets = []network.Subnet{four}
	if o.Gateway.IsValid() && !four.Prefix.Contains(o.Gateway) {
		return r, refuse.Invalid("the default gateway %s is not within the network of the bridge, %s", o.Gateway, four.Prefix)
	}
	if !o.IPv6 {
		return r, nil
	}
	six, err := c.defaultSubnet6(o)
	if err != nil {
		return r, err
	}
	r.Subnets = append(r.Subnets, six)
	if o.Gateway6.IsValid() && !six.Prefix.Contains(o.Gateway6) {
		return r, refuse.Invalid("the default gateway %s is not within the network of the bridge, %s", o.Gateway6, six.Prefix)
	}
	return r, nil
}

// defaultSubnet returns the IPv4 subnet of the default network.
func (c *Catalog) defaultSubnet(o *Bridge, name string) (network.Subnet, error) {
	ip := o.IP
	if !ip.IsValid() {
		ip = linkAddress(name)
	}
	have := c.Named("bridge")
	if !ip.IsValid() && have != nil && have.Bridge == name && len(have.Subnets) > 0 &&
		(!o.Range.IsValid() || have.Subnets[0].Prefix.Contains(o.Range.Addr())) {
		s := have.Subnets[0]
		s.Range = o.Range
		return s, nil
	}
	if !ip.IsValid() && o.Range.IsValid() { // as Docker: the range alone makes the network
		ip = netip.PrefixFrom(o.Range.Masked().Addr().Next(), o.Range.Bits())
	}
	if !ip.IsValid() {
		p, err := c.free(false)
		if err != nil {
			return network.Subnet{}, refuse.Conflict("every range for the default network is in use on this host: choose one " +
				"with --bip")
		}
		ip = netip.PrefixFrom(p.Addr().Next(), p.Bits())
	}
	return network.Subnet{Prefix: ip.Masked(), Range: o.Range, Gateway: ip.Addr()}, nil
}

// defaultSubnet6 returns the IPv6 subnet of the default network.
func (c *Catalog) defaultSubnet6(o *Bridge) (network.Subnet, error) {
	ip := o.IP6
	if have := c.Named("bridge"); !ip.IsValid() && !o.Range6.IsValid() && have != nil {
		for _, s := range have.Subnets {
			if s.Prefix.Addr().Is6() {
				return network.Subnet{Prefix: s.Prefix, Gateway: s.Gateway}, nil
			}
		}
	}
	if ip.IsValid() {
		return network.Subnet{Prefix: ip.Masked(), Range: o.Range6, Gateway: ip.Addr()}, nil
	}
	p := o.Range6.Masked()
	if !o.Range6.IsValid() {
		var err error
		if p, err = c.free(true); err != nil {
			return network.Subnet{}, err
		}
	}
	return network.Subnet{Prefix: p, Gateway: p.Addr().Next()}, nil
}

// free returns the first subnet of the pools that neither the host nor a network uses.
func (c *Catalog) free(six bool) (netip.Prefix, error) {
	var taken []netip.Prefix
	if c.o.Host != nil {
		taken = c.o.Host()
	}
	for _, r := range c.List() {
		for _, s := range r.Subnets {
			taken = append(taken, s.Prefix)
		}
	}
	return ipam.Free(c.o.Pools, six, taken)
}

// linkAddress returns the IPv4 address of an existing link, or zero.
func linkAddress(name string) netip.Prefix {
	link, err := net.InterfaceByName(name)
	if err != nil {
		return netip.Prefix{}
	}
	addresses, err := link.Addrs()
	if err != nil {
		return netip.Prefix{}
	}
	for _, a := range addresses {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is4() {
			return p
		}
	}
	return netip.Prefix{}
}
