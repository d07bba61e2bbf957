package engine

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strings"

	apinetwork "github.com/moby/moby/api/types/network"

	"box/engine/filter"
	"box/engine/network"
	"box/engine/refuse"
)

// Networks lists the networks that match f.
func (e *Engine) Networks(f filter.Args) ([]apinetwork.Summary, error) {
	if err := f.Check([]string{"driver", "id", "label", "name", "scope", "type", "dangling"}); err != nil {
		return nil, err
	}
	for _, v := range f["dangling"] {
		if !slices.Contains([]string{"true", "1", "false", "0"}, v) {
			return nil, refuse.Invalid(`invalid value for filter 'dangling', must be "true" (or "1"), or "false" (or "0")`)
		}
	}
	for _, v := range f["type"] {
		if v != "builtin" && v != "custom" {
			return nil, refuse.Invalid("invalid filter: 'type'='%s'", v)
		}
	}
	e.mu.RLock()
	list := slices.Collect(maps.Values(e.networks))
	e.mu.RUnlock()
	slices.SortFunc(list, func(a, b *netRecord) int { return cmp.Compare(a.Name, b.Name) })
	out := []apinetwork.Summary{}
	for _, n := range list {
		fits := f.Any("driver", func(v string) bool { return v == n.Driver }) &&
			f.Any("id", func(v string) bool { return strings.HasPrefix(n.ID, v) }) &&
			f.Any("name", func(v string) bool { return strings.Contains(n.Name, v) }) &&
			f.Any("scope", func(v string) bool { return v == "local" }) &&
			f.Any("type", func(v string) bool { return v == "builtin" }) &&
			f.Any("dangling", func(v string) bool { return v != "true" && v != "1" }) &&
			f.Labels(n.Labels)
		if fits {
			out = append(out, apinetwork.Summary{Network: n.describe()})
		}
	}
	return out, nil
}

// describe returns the network as the API shows it.
func (n *netRecord) describe() apinetwork.Network {
	d := apinetwork.Network{
		Name: n.Name, ID: n.ID, Created: n.Created, Scope: "local", Driver: n.Driver, EnableIPv4: true, Internal: n.Internal,
		IPAM:    apinetwork.IPAM{Driver: "default", Config: []apinetwork.IPAMConfig{}},
		Options: n.Options, Labels: n.Labels,
	}
	for _, s := range n.Subnets {
		d.IPAM.Config = append(d.IPAM.Config, apinetwork.IPAMConfig{Subnet: s.Prefix, IPRange: s.Range, Gateway: s.Gateway})
	}
	if d.Options == nil {
		d.Options = map[string]string{}
	}
	if d.Labels == nil {
		d.Labels = map[string]string{}
	}
	return d
}

// InspectNetwork describes a network and its containers.
func (e *Engine) InspectNetwork(ref string) (*apinetwork.Inspect, error) {
	n, err := e.netRecordFor(ref)
	if err != nil {
		return nil, err
	}
	d := &apinetwork.Inspect{Network: n.describe(), Containers: map[string]apinetwork.EndpointResource{}}
	var taken []netip.Addr
	for _, c := range e.all() {
		st, _ := c.Now()
		rec := c.Record()
		if _, on := rec.Networks[n.Name]; !on || !st.Running() {
			continue
		}
		r := apinetwork.EndpointResource{Name: rec.Name}
		for _, ep := range st.Endpoints {
			if ep.Network == n.ID {
				r.EndpointID, r.IPv4Address = ep.ID, ep.Address
				taken = append(taken, ep.Address.Addr())
				_ = r.MacAddress.UnmarshalText([]byte(ep.MAC))
			}
		}
		d.Containers[rec.ID] = r
	}
	d.Status = addressStatus(n.Subnets, taken)
	return d, nil
}

// addressStatus counts the addresses of subnets. It returns nil for a network without any.
func addressStatus(subnets []network.Subnet, taken []netip.Addr) *apinetwork.Status {
	if len(subnets) == 0 {
		return nil
	}
	s := &apinetwork.Status{IPAM: apinetwork.IPAMStatus{Subnets: apinetwork.SubnetStatuses{}}}
	for _, subnet := range subnets {
		used, free := subnet.Count(taken)
		s.IPAM.Subnets[subnet.Prefix.Masked()] = apinetwork.SubnetStatus{IPsInUse: used, DynamicIPsAvailable: free}
	}
	return s
}
