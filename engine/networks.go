package engine

import (
	"cmp"
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"box/engine/ident"
	"box/engine/network"
	"box/engine/refuse"
	"box/engine/state"
)

// Bridge configures the default network.
type Bridge struct {
	Name string       // docker0; "none" for no default network
	IP   netip.Prefix // address of the bridge and size of the network; zero for the first range that is free
	MTU  int          // bytes; 0 for the kernel's

	Pools       []Pool       // what the network is taken from when IP is zero: Docker's
	Range       netip.Prefix // of the containers' addresses; zero for all of the network
	Gateway     netip.Addr   // of the containers; zero for the bridge
	Publish     netip.Addr   // where ports are published that name no address; zero for everywhere
	Apart       bool         // containers do not reach each other
	NoMasq      bool         // no source NAT on the way out
	HostGateway netip.Addr   // what host-gateway means in --add-host; zero for the bridge's address
}

// Pool is a range from which networks of one size are taken.
type Pool struct {
	Base netip.Prefix
	Size int // bits of a network
}

// maxPools limits how many networks of a pool are tried.
const maxPools = 1 << 16

// networks returns the networks of the pool.
func (p Pool) networks() (list []netip.Prefix) {
	at := p.Base.Masked().Addr()
	for i := 0; i < 1<<(p.Size-p.Base.Bits()) && i < maxPools; i++ {
		list = append(list, netip.PrefixFrom(at, p.Size))
		raw := at.As4()
		binary.BigEndian.PutUint32(raw[:], binary.BigEndian.Uint32(raw[:])+1<<(32-p.Size))
		at = netip.AddrFrom4(raw)
	}
	return list
}

// netRecord is a network as it is stored.
type netRecord struct {
	Created time.Time
	network.Network
	Options map[string]string
	Labels  map[string]string
}

var networkTable = state.Table[netRecord]{Name: "networks"}

// ranges returns the ranges for the default network.
func (b *Bridge) ranges() []netip.Prefix {
	var list []netip.Prefix
	for _, p := range b.Pools {
		list = append(list, p.networks()...)
	}
	if len(list) > 0 {
		return list
	}
	for i := 17; i < 32; i++ {
		list = append(list, netip.PrefixFrom(netip.AddrFrom4([4]byte{172, byte(i), 0, 0}), 16))
	}
	for i := 0; i < 256; i += 16 {
		list = append(list, netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 168, byte(i), 0}), 20))
	}
	return list
}

// openNetworks reads the networks, and creates the three that always exist.
func (e *Engine) openNetworks() error {
	err := e.db.View(func(tx *state.Tx) error {
		return networkTable.Walk(tx, func(_ string, n netRecord, bad error) error {
			if bad != nil {
				e.log.Error("network that cannot be read is left out", "error", bad)
				return nil
			}
			e.networks[n.ID] = &n
			return nil
		})
	})
	if err != nil {
		return err
	}
	wanted := []netRecord{
		{Network: network.Network{Name: "host", Driver: "host"}},
		{Network: network.Network{Name: "none", Driver: "null"}},
	}
	if e.o.Net != nil && e.o.Bridge.Name != "none" {
		b, err := e.defaultBridge()
		if err != nil {
			return err
		}
		wanted = append(wanted, b)
	}
	changed := false
	for _, w := range wanted {
		if have := e.networkNamed(w.Name); have != nil {
			w.ID, w.Created = have.ID, have.Created
			if same(have, &w) {
				continue
			}
		} else {
			w.ID, w.Created = ident.New(), e.o.Now().UTC()
		}
		changed = true
		e.networks[w.ID] = &w
	}
	if !changed {
		return nil
	}
	return e.db.Update(func(tx *state.Tx) error {
		for id, n := range e.networks {
			if err := networkTable.Put(tx, id, *n); err != nil {
				return err
			}
		}
		return nil
	})
}

func same(a, b *netRecord) bool {
	x, y := a.Network, b.Network
	return x.Bridge == y.Bridge && x.MTU == y.MTU && x.HostIP == y.HostIP && x.ICC == y.ICC &&
		x.Masquerade == y.Masquerade && x.Via == y.Via &&
		slices.EqualFunc(x.Subnets, y.Subnets, network.Subnet.Equal)
}

// defaultBridge returns the network "bridge" as the options define it. What they leave open is taken from the link on
// the host or from the stored network.
func (e *Engine) defaultBridge() (netRecord, error) {
	name := e.o.Bridge.Name
	if name == "" {
		name = "docker0"
	}
	o := &e.o.Bridge
	publish, mtu := "0.0.0.0", cmp.Or(o.MTU, 1500)
	if o.Publish.IsValid() {
		publish = o.Publish.String()
	}
	n := netRecord{
		Network: network.Network{Name: "bridge", Driver: "bridge", Bridge: name, MTU: o.MTU, HostIP: o.Publish,
			Via: o.Gateway,
			ICC: !o.Apart, Masquerade: !o.NoMasq},
		Options: map[string]string{
			"com.docker.network.bridge.default_bridge":       "true",
			"com.docker.network.bridge.enable_icc":           strconv.FormatBool(!o.Apart),
			"com.docker.network.bridge.enable_ip_masquerade": strconv.FormatBool(!o.NoMasq),
			"com.docker.network.bridge.host_binding_ipv4":    publish,
			"com.docker.network.bridge.name":                 name,
			"com.docker.network.driver.mtu":                  strconv.Itoa(mtu),
		},
		Labels: map[string]string{},
	}
	ip := e.o.Bridge.IP
	if !ip.IsValid() {
		ip = linkAddress(name)
	}
	have := e.networkNamed("bridge")
	if !ip.IsValid() && have != nil && have.Bridge == name &&
		(!o.Range.IsValid() || have.Subnets[0].Prefix.Contains(o.Range.Addr())) {
		n.Subnets = slices.Clone(have.Subnets)
		n.Subnets[0].Range = o.Range
		return n, nil
	}
	if !ip.IsValid() && o.Range.IsValid() { // as Docker: the range alone makes the network
		ip = netip.PrefixFrom(o.Range.Masked().Addr().Next(), o.Range.Bits())
	}
	if !ip.IsValid() {
		var err error
		if ip, err = freeRange(e.o.Bridge.ranges()); err != nil {
			return n, err
		}
	}
	n.Subnets = []network.Subnet{{Prefix: ip.Masked(), Range: o.Range, Gateway: ip.Addr()}}
	if o.Gateway.IsValid() && !ip.Contains(o.Gateway) {
		return n, refuse.Invalid("the default gateway %s is not within the network of the bridge, %s", o.Gateway, ip)
	}
	return n, nil
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

// freeRange returns the first range that contains no address of the host.
func freeRange(ranges []netip.Prefix) (netip.Prefix, error) {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return netip.Prefix{}, err
	}
	for _, p := range ranges {
		used := slices.ContainsFunc(addresses, func(a net.Addr) bool {
			have, err := netip.ParsePrefix(a.String())
			return err == nil && have.Overlaps(p)
		})
		if !used {
			return netip.PrefixFrom(p.Addr().Next(), p.Bits()), nil
		}
	}
	return netip.Prefix{}, refuse.Conflict("every range for the default network is in use on this host: choose one with " +
		"--bip")
}

func (e *Engine) networkNamed(name string) *netRecord {
	for _, n := range e.networks {
		if n.Name == name {
			return n
		}
	}
	return nil
}

// netRecordFor returns a network by name, ID, or unique prefix of the ID.
func (e *Engine) netRecordFor(ref string) (*netRecord, error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if n := e.networks[ref]; n != nil {
		return n, nil
	}
	if n := e.networkNamed(ref); n != nil {
		return n, nil
	}
	var found *netRecord
	for id, n := range e.networks {
		if strings.HasPrefix(id, ref) && ref != "" {
			if found != nil {
				return nil, refuse.Invalid("network %s is ambiguous (2 matches found on ID prefix)", ref)
			}
			found = n
		}
	}
	if found == nil {
		return nil, refuse.NotFound("network %s not found", ref)
	}
	return found, nil
}
