package network

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/moby/moby/api/types/network"

	"box/personalities/docker/values"
)

// subnets assigns each range, gateway and reserved address to the subnet that contains it.
func (f *Create) subnets() (subnets, error) {
	all := subnets{} // a list in JSON even when it is empty
	texts, ranges, gateways := values.Listed(f.Subnet), values.Listed(f.IPRange), values.Listed(f.Gateway)
	if len(texts) < len(ranges) || len(texts) < len(gateways) {
		return nil, errors.New("every ip-range or gateway must have a corresponding subnet")
	}
	for _, text := range texts {
		subnet, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("invalid subnet %s: %w", text, err)
		}
		for _, c := range all {
			if c.Subnet.Overlaps(subnet) {
				return nil, errors.New("multiple overlapping subnet configuration is not supported")
			}
		}
		all = append(all, network.IPAMConfig{Subnet: subnet})
	}
	for _, part := range []struct {
		texts []string
		add   func(string) error
	}{{ranges, all.addRange}, {gateways, all.addGateway}, {f.AuxAddress, all.reserve}} {
		for _, text := range part.texts {
			if err := part.add(text); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

type subnets []network.IPAMConfig

// holder returns the subnet that contains an address.
func (all subnets) holder(what, text string, a netip.Addr) (*network.IPAMConfig, error) {
	for i := range all {
		if all[i].Subnet.Contains(a) {
			return &all[i], nil
		}
	}
	return nil, fmt.Errorf("no matching subnet for %s %s", what, text)
}

func (all subnets) addRange(text string) error {
	r, err := netip.ParsePrefix(text)
	if err != nil {
		return fmt.Errorf("invalid ip-range %s: %w", text, err)
	}
	c, err := all.holder("range", text, r.Addr())
	if err != nil {
		return err
	}
	if c.IPRange.IsValid() {
		return fmt.Errorf("cannot configure multiple ranges (%s, %s) on the same subnet (%s)", r, c.IPRange, c.Subnet)
	}
	c.IPRange = r
	return nil
}

func (all subnets) addGateway(text string) error {
	a, err := netip.ParseAddr(text)
	if err != nil {
		return fmt.Errorf("invalid gateway %s: %w", text, err)
	}
	c, err := all.holder("gateway", text, a)
	if err != nil {
		return err
	}
	if c.Gateway.IsValid() {
		return fmt.Errorf("cannot configure multiple gateways (%s, %s) for the same subnet (%s)", a, c.Gateway,
			c.Subnet)
	}
	c.Gateway = a
	return nil
}

// reserve excludes an address, given as NAME=ADDRESS, from those for containers.
func (all subnets) reserve(pair string) error {
	name, text, _ := strings.Cut(pair, "=")
	a, err := netip.ParseAddr(text)
	if err != nil {
		return fmt.Errorf("invalid aux-address %s: %w", pair, err)
	}
	c, err := all.holder("aux-address", text, a)
	if err != nil {
		return err
	}
	if c.AuxAddress == nil {
		c.AuxAddress = map[string]netip.Addr{}
	}
	c.AuxAddress[name] = a
	return nil
}
