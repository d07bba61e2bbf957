// Package endpoint has the rules about a container's places on networks: what it may ask of one, which of several has
// the default routes and the published ports, and by which names others find it. It is pure.
package endpoint

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	api "github.com/moby/moby/api/types/container"
	apinetwork "github.com/moby/moby/api/types/network"

	"box/engine/ident"
	"box/engine/lifecycle"
	"box/engine/network"
	"box/engine/network/catalog"
	"box/engine/refuse"
	"box/engine/request"
)

// Place is a container's place on a network, as it was asked for.
type Place struct {
	Network *catalog.Record
	Want    *apinetwork.EndpointSettings // may be nil
}

// Settings returns what a client configures of an endpoint, without what the daemon fills in.
func Settings(s *apinetwork.EndpointSettings) *apinetwork.EndpointSettings {
	if s == nil {
		return &apinetwork.EndpointSettings{}
	}
	s = s.Copy()
	return &apinetwork.EndpointSettings{IPAMConfig: s.IPAMConfig, Links: s.Links, Aliases: s.Aliases,
		DriverOpts: s.DriverOpts, GwPriority: s.GwPriority, MacAddress: s.MacAddress}
}

// Check refuses what a network cannot give to a container, in Docker's words.
func Check(n *catalog.Record, s *apinetwork.EndpointSettings) error {
	if s == nil {
		return nil
	}
	var wrong []string
	ip := s.IPAMConfig
	if ip == nil {
		ip = &apinetwork.EndpointIPAMConfig{}
	}
	own := !n.Predefined()
	if !own && (ip.IPv4Address.IsValid() || ip.IPv6Address.IsValid()) {
		wrong = append(wrong, "user specified IP address is supported on user defined networks only")
	}
	if !own && len(s.Aliases) > 0 {
		wrong = append(wrong, "network-scoped alias is supported only for containers in user defined networks")
	}
	for _, f := range []struct {
		a    netip.Addr
		six  bool
		name string
	}{{ip.IPv4Address, false, "IPv4"}, {ip.IPv6Address, true, "IPv6"}} {
		switch {
		case !f.a.IsValid() || !own:
		case f.a.Is4In6() || f.a.Is6() != f.six || f.a.Zone() != "":
			wrong = append(wrong, "invalid "+f.name+" address: "+f.a.String())
		case !n.Fixed(f.six):
			wrong = append(wrong, "user specified IP address is supported only when connecting to networks with user "+
				"configured subnets")
		case !slices.ContainsFunc(n.Subnets, func(s network.Subnet) bool { return s.Prefix.Contains(f.a) }):
			wrong = append(wrong, "no configured subnet or ip-range contain the IP address "+f.a.String())
		}
	}
	for _, a := range ip.LinkLocalIPs {
		if !a.IsValid() || a.IsMulticast() || a.IsUnspecified() || a.Zone() != "" {
			wrong = append(wrong, "invalid link-local IP address: "+a.String())
		}
	}
	if len(s.MacAddress) != 0 && len(s.MacAddress) != 6 {
		wrong = append(wrong, "invalid MAC address: "+net.HardwareAddr(s.MacAddress).String())
	}
	for _, name := range s.Aliases {
		if name == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
			wrong = append(wrong, fmt.Sprintf("invalid alias: %q", name))
		}
	}
	if _, err := sysctls(s.DriverOpts); err != nil {
		wrong = append(wrong, err.Error())
	}
	if len(wrong) > 0 {
		return refuse.Invalid("invalid config for network %s: invalid endpoint settings:\n%s", n.Name, strings.Join(wrong, "\n"))
	}
	return nil
}

// Options of endpoints.
const (
	optSysctls = "com.docker.network.endpoint.sysctls"
	optLink    = "com.docker.network.endpoint.ifname"
)

// sysctls parses the settings of the endpoint's link: NAME=VALUE with commas between, where IFNAME stands for the link.
func sysctls(opts map[string]string) (map[string]string, error) {
	text := opts[optSysctls]
	if text == "" {
		return nil, nil
	}
	list := map[string]string{}
	for part := range strings.SplitSeq(text, ",") {
		name, value, ok := strings.Cut(part, "=")
		levels := strings.Split(name, ".")
		if !ok || len(levels) < 5 || levels[0] != "net" || levels[3] != "IFNAME" || strings.Contains(name, "/") ||
			slices.Contains(levels, "") {
			return nil, fmt.Errorf("invalid endpoint sysctl %q: it is net.X.Y.IFNAME.Z=VALUE", part)
		}
		list[name] = value
	}
	return list, nil
}

// Sort orders the places as their links are made: the network of the container's network mode first, then by name.
func Sort(mode api.NetworkMode, list []Place) {
	first := func(p Place) int {
		if string(mode) == p.Network.Name || string(mode) == p.Network.ID {
			return 0
		}
		return 1
	}
	slices.SortFunc(list, func(a, b Place) int {
		return cmp.Or(cmp.Compare(first(a), first(b)), cmp.Compare(a.Network.Name, b.Network.Name))
	})
}

// Gateways returns the networks, by ID, that have the default routes of IPv4 and IPv6: of those that lead out the one
// with the highest priority, and of equals the first one by name. "" means that none does.
func Gateways(list []Place) (four, six string) {
	best := func(six bool) string {
		var found *Place
		for i := range list {
			p := &list[i]
			if !leadsOut(p.Network, six) || found != nil && (priority(found) > priority(p) ||
				priority(found) == priority(p) && found.Network.Name <= p.Network.Name) {
				continue
			}
			found = p
		}
		if found == nil {
			return ""
		}
		return found.Network.ID
	}
	return best(false), best(true)
}

func priority(p *Place) int {
	if p.Want == nil {
		return 0
	}
	return p.Want.GwPriority
}

// leadsOut tells whether a network has a way out for a family.
func leadsOut(n *catalog.Record, six bool) bool {
	mode, has := n.Gateway4, !n.NoIPv4
	if six {
		mode, has = n.Gateway6, n.IPv6
	}
	return has && n.Linked() && !n.Internal && mode != "isolated" && (n.Driver == "bridge" || n.Parent != "")
}

// Request is what the plane is asked for at a place.
func (p *Place) Request(rec *lifecycle.Record, gateway bool, spared func(string, uint16) bool) network.Request {
	r := network.Request{Container: rec.ID, Name: rec.Name, Network: p.Network.ID, Endpoint: ident.New(), Gateway: gateway,
		Spared: spared}
	if gateway {
		r.Ports = request.Ports(rec.Config, rec.Host)
	}
	if p.Want == nil {
		return r
	}
	if ip := p.Want.IPAMConfig; ip != nil {
		r.Address, r.Address6, r.LinkLocal = ip.IPv4Address, ip.IPv6Address, ip.LinkLocalIPs
	}
	if len(p.Want.MacAddress) > 0 {
		r.MAC = net.HardwareAddr(p.Want.MacAddress)
	}
	r.Interface = p.Want.DriverOpts[optLink]
	r.Sysctls, _ = sysctls(p.Want.DriverOpts) // checked when it was asked for
	return r
}
