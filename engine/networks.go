package engine

import (
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"box/engine/network"
	"box/engine/state"
)

// Bridge says how the default network is made.
type Bridge struct {
	Name string       // docker0; "none" for no default network
	IP   netip.Prefix // address of the bridge and size of the network; zero for the first range that is free
	MTU  int          // bytes; 0 for the kernel's
}

// netRecord is one network as it is kept.
type netRecord struct {
	Created time.Time
	network.Network
	Options map[string]string
	Labels  map[string]string
}

var networkTable = state.Table[netRecord]{Name: "networks"}

// pools are the ranges the default network is taken from, Docker's.
func pools() []netip.Prefix {
	var list []netip.Prefix
	for i := 17; i < 32; i++ {
		list = append(list, netip.PrefixFrom(netip.AddrFrom4([4]byte{172, byte(i), 0, 0}), 16))
	}
	for i := 0; i < 256; i += 16 {
		list = append(list, netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 168, byte(i), 0}), 20))
	}
	return list
}

// openNetworks reads the networks and sees to it that the three that are always there are.
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
			w.ID, w.Created = newID(), e.o.Now().UTC()
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
	return a.Bridge == b.Bridge && a.MTU == b.MTU && slices.Equal(a.Subnets, b.Subnets)
}

// defaultBridge is the network "bridge" as the options want it: where they say nothing, as the link on the host or the
// network of the last time had it.
func (e *Engine) defaultBridge() (netRecord, error) {
	name := e.o.Bridge.Name
	if name == "" {
		name = "docker0"
	}
	n := netRecord{
		Network: network.Network{Name: "bridge", Driver: "bridge", Bridge: name, MTU: e.o.Bridge.MTU, ICC: true, Masquerade: true},
		Options: map[string]string{
			"com.docker.network.bridge.default_bridge":       "true",
			"com.docker.network.bridge.enable_icc":           "true",
			"com.docker.network.bridge.enable_ip_masquerade": "true",
			"com.docker.network.bridge.host_binding_ipv4":    "0.0.0.0",
			"com.docker.network.bridge.name":                 name,
			"com.docker.network.driver.mtu":                  "1500",
		},
		Labels: map[string]string{},
	}
	ip := e.o.Bridge.IP
	if !ip.IsValid() {
		ip = linkAddress(name)
	}
	if have := e.networkNamed("bridge"); !ip.IsValid() && have != nil && have.Bridge == name {
		n.Subnets = have.Subnets
		return n, nil
	}
	if !ip.IsValid() {
		var err error
		if ip, err = freeRange(); err != nil {
			return n, err
		}
	}
	n.Subnets = []network.Subnet{{Prefix: ip.Masked(), Gateway: ip.Addr()}}
	return n, nil
}

// linkAddress is the IPv4 address of a link that is there, zero for none.
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

// freeRange is the first pool that no address of the host is in.
func freeRange() (netip.Prefix, error) {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return netip.Prefix{}, err
	}
	for _, p := range pools() {
		used := slices.ContainsFunc(addresses, func(a net.Addr) bool {
			have, err := netip.ParsePrefix(a.String())
			return err == nil && have.Overlaps(p)
		})
		if !used {
			return netip.PrefixFrom(p.Addr().Next(), p.Bits()), nil
		}
	}
	return netip.Prefix{}, conflict("every range for the default network is in use on this host: choose one with --bip")
}

func (e *Engine) networkNamed(name string) *netRecord {
	for _, n := range e.networks {
		if n.Name == name {
			return n
		}
	}
	return nil
}

// netRecordFor finds a network by name, ID or a prefix of the ID that only one has.
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
				return nil, invalid("network %s is ambiguous (2 matches found on ID prefix)", ref)
			}
			found = n
		}
	}
	if found == nil {
		return nil, notFound("network %s not found", ref)
	}
	return found, nil
}
