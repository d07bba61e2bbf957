package catalog

import (
	"slices"

	apinetwork "github.com/moby/moby/api/types/network"
)

// Describe returns the network as the API shows it: what was asked for, and in the place of a family's subnets that the
// user left open, those that were chosen.
func (r *Record) Describe() apinetwork.Network {
	d := apinetwork.Network{
		Name: r.Name, ID: r.ID, Created: r.Created, Scope: "local", Driver: r.Driver, EnableIPv4: !r.NoIPv4, EnableIPv6: r.IPv6,
		Internal: r.Internal, Attachable: r.Attachable, ConfigOnly: r.ConfigOnly,
		ConfigFrom: apinetwork.ConfigReference{Network: r.ConfigFrom},
		IPAM:       apinetwork.IPAM{Driver: r.IPAM.Driver, Options: r.IPAM.Options, Config: []apinetwork.IPAMConfig{}},
		Options:    r.Options, Labels: r.Labels,
	}
	if d.IPAM.Driver == "" {
		d.IPAM.Driver = "default"
	}
	d.IPAM.Config = append(d.IPAM.Config, r.IPAM.Config...)
	for _, s := range r.Subnets {
		if !r.Fixed(s.Prefix.Addr().Is6()) {
			d.IPAM.Config = append(d.IPAM.Config, apinetwork.IPAMConfig{Subnet: s.Prefix, IPRange: s.Range, Gateway: s.Gateway})
		}
	}
	slices.SortStableFunc(d.IPAM.Config, func(a, b apinetwork.IPAMConfig) int {
		return a.Subnet.Addr().BitLen() - b.Subnet.Addr().BitLen()
	})
	if d.Options == nil {
		d.Options = map[string]string{}
	}
	if d.Labels == nil {
		d.Labels = map[string]string{}
	}
	return d
}
