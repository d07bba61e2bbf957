package run

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"

	"box/personalities/docker/values"
)

// Endpoint is one value of --network: a name, or name=...,alias=...,ip=....
type Endpoint struct {
	name     string
	Settings network.EndpointSettings
	detailed bool
}

// endpoints parses the networks to join. The first one is the network mode; flags such as --ip, --network-alias and
// --link apply to it.
func (c *createFlags) endpoints() (container.NetworkMode, *network.NetworkingConfig, error) {
	var all []Endpoint
	for _, spec := range c.Network {
		e, err := parseEndpoint(spec)
		if err != nil {
			return "", nil, err
		}
		all = append(all, e)
	}
	if len(all) == 0 {
		all = []Endpoint{{name: "default"}}
	}
	if err := c.firstEndpoint(&all[0]); err != nil {
		return "", nil, err
	}
	mode := container.NetworkMode(all[0].name)
	config := map[string]*network.EndpointSettings{}
	for i := range all {
		e := &all[i]
		if _, twice := config[e.name]; twice {
			return "", nil, fmt.Errorf("network %q is specified multiple times", e.name)
		}
		if i > 0 && !container.NetworkMode(e.name).IsUserDefined() {
			return "", nil, fmt.Errorf("conflicting options: cannot attach both user-defined and non-user-defined network-modes")
		}
		if i == 0 && len(all) == 1 && !e.detailed && !mode.IsUserDefined() {
			continue
		}
		config[e.name] = &e.Settings
	}
	if len(config) == 0 {
		return mode, nil, nil
	}
	return mode, &network.NetworkingConfig{EndpointsConfig: config}, nil
}

// firstEndpoint applies those flags to the first network.
func (c *createFlags) firstEndpoint(e *Endpoint) (err error) {
	mode := container.NetworkMode(e.name)
	if mode.IsContainer() && (c.IP != "" || c.IP6 != "" || len(c.NetworkAlias) > 0) {
		return errors.New("conflicting options: cannot attach to a network namespace of another container with addresses " +
			"or aliases")
	}
	if len(c.NetworkAlias) > 0 && !mode.IsUserDefined() {
		return errors.New("network-scoped aliases are only supported for user-defined networks")
	}
	e.Settings.Aliases = append(e.Settings.Aliases, c.NetworkAlias...)
	if mode.IsUserDefined() {
		e.Settings.Links = append(e.Settings.Links, c.Link...)
	}
	for _, f := range []struct{ key, value string }{{"ip", c.IP}, {"ip6", c.IP6}, {"mac-address", c.MACAddress}} {
		if f.value == "" {
			continue
		}
		if err := e.Set(f.key, f.value); err != nil {
			return err
		}
	}
	for _, ip := range c.LinkLocalIP {
		if err := e.Set("link-local-ip", ip); err != nil {
			return err
		}
	}
	return nil
}

func parseEndpoint(spec string) (Endpoint, error) {
	if !strings.Contains(spec, "=") {
		return Endpoint{name: spec}, nil
	}
	var e Endpoint
	for field := range strings.SplitSeq(spec, ",") {
		key, value, ok := strings.Cut(strings.TrimSpace(field), "=")
		if !ok {
			return e, fmt.Errorf("invalid field %s: must be a key=value pair", field)
		}
		if err := e.Set(strings.ToLower(key), value); err != nil {
			return e, err
		}
	}
	if e.name == "" {
		return e, errors.New("network name/id is not specified")
	}
	return e, nil
}

// errDriverOpt refuses a driver-opt that is not KEY=VALUE.
var errDriverOpt = errors.New("invalid key value pair format in driver options")

// Set checks and stores one field of --network.
func (e *Endpoint) Set(key, value string) (err error) {
	e.detailed = e.detailed || key != "name"
	s := &e.Settings
	switch key {
	case "name":
		e.name = value
	case "alias":
		s.Aliases = append(s.Aliases, value)
	case "ip", "ip6", "link-local-ip":
		addr, err := netip.ParseAddr(value)
		if err != nil {
			return fmt.Errorf("invalid address for --%s: %s", key, value)
		}
		if s.IPAMConfig == nil {
			s.IPAMConfig = &network.EndpointIPAMConfig{}
		}
		switch key {
		case "ip":
			s.IPAMConfig.IPv4Address = addr
		case "ip6":
			s.IPAMConfig.IPv6Address = addr
		default:
			s.IPAMConfig.LinkLocalIPs = append(s.IPAMConfig.LinkLocalIPs, addr)
		}
	case "mac-address":
		hw, err := net.ParseMAC(strings.TrimSpace(value))
		if err != nil {
			return fmt.Errorf("%s is not a valid mac address", value)
		}
		s.MacAddress = network.HardwareAddr(hw)
	case "driver-opt":
		if name, _, ok := strings.Cut(value, "="); !ok || name == "" {
			return errDriverOpt
		}
		s.DriverOpts = values.AddPair(s.DriverOpts, value)
	case "gw-priority":
		if s.GwPriority, err = strconv.Atoi(value); err != nil {
			return fmt.Errorf("invalid gw-priority (%s): %w", value, err)
		}
	default:
		return fmt.Errorf("invalid field key %s", key)
	}
	return nil
}
