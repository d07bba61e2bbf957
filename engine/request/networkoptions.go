package request

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"box/engine/network"
	"box/engine/refuse"
)

// option is an option of a network's driver: it checks a value and puts it into the network.
type option func(n *network.Network, key, value string) error

// wrong refuses the value of an option.
func wrong(key, value, why string) error {
	return refuse.Invalid("failed to parse %s value: %s (%s)", key, value, why)
}

// flag is an option that is a boolean.
func flag(set func(*network.Network, bool)) option {
	return func(n *network.Network, key, value string) error {
		b, err := strconv.ParseBool(value)
		if err != nil {
			return wrong(key, value, err.Error())
		}
		set(n, b)
		return nil
	}
}

// binding is an option with an address of the host, of one family.
func binding(six bool, set func(*network.Network, netip.Addr)) option {
	return func(n *network.Network, key, value string) error {
		a, err := netip.ParseAddr(value)
		switch {
		case err != nil:
			return wrong(key, value, "nil ip")
		case a.Is6() != six || a.Zone() != "":
			return wrong(key, value, "an address of the other family")
		}
		set(n, a)
		return nil
	}
}

// mode is an option that is one of some words.
func mode(what string, words []string, set func(*network.Network, string)) option {
	return func(n *network.Network, key, value string) error {
		if !slices.Contains(words, value) {
			return wrong(key, value, "unknown "+what+" "+value)
		}
		set(n, value)
		return nil
	}
}

var gatewayModes = []string{"nat", "nat-unprotected", "routed", "isolated"}

const bridgeOption = "com.docker.network.bridge."

// shared are the options of all drivers.
func shared() map[string]option {
	return map[string]option{
		"com.docker.network.driver.mtu": func(n *network.Network, key, value string) (err error) {
			if n.MTU, err = strconv.Atoi(value); err != nil {
				return wrong(key, value, err.Error())
			}
			if n.MTU < 0 || n.MTU > 65535 {
				return refuse.Invalid("invalid MTU number: %d", n.MTU)
			}
			return nil
		},
		"com.docker.network.container_iface_prefix": func(n *network.Network, key, value string) error {
			if !linkName(value) || len(value) > maxLinkName-3 { // room for the number
				return wrong(key, value, "not the beginning of a link's name")
			}
			n.Prefix = value
			return nil
		},
	}
}

// bridgeOptions are the options of bridges.
func bridgeOptions() map[string]option {
	list := shared()
	for name, o := range map[string]option{
		"name": func(n *network.Network, key, value string) error {
			if !linkName(value) {
				return wrong(key, value, "not a name for a link")
			}
			n.Bridge = value
			return nil
		},
		"enable_icc":           flag(func(n *network.Network, b bool) { n.ICC = b }),
		"enable_ip_masquerade": flag(func(n *network.Network, b bool) { n.Masquerade = b }),
		"inhibit_ipv4":         flag(func(n *network.Network, b bool) { n.Unnumbered = b }),
		"host_binding_ipv4":    binding(false, func(n *network.Network, a netip.Addr) { n.HostIP = a }),
		"host_binding_ipv6":    binding(true, func(n *network.Network, a netip.Addr) { n.HostIP6 = a }),
		"gateway_mode_ipv4":    mode("gateway mode", gatewayModes, func(n *network.Network, v string) { n.Gateway4 = v }),
		"gateway_mode_ipv6":    mode("gateway mode", gatewayModes, func(n *network.Network, v string) { n.Gateway6 = v }),
		"default_bridge": func(_ *network.Network, _, value string) error {
			if yes, _ := strconv.ParseBool(value); yes {
				return refuse.Denied("cannot create a second default bridge")
			}
			return nil
		},
		"trusted_host_interfaces": func(n *network.Network, key, value string) error {
			for name := range strings.SplitSeq(value, ":") {
				if !linkName(name) {
					return wrong(key, value, "not names of links with : between")
				}
				n.Trusted = append(n.Trusted, name)
			}
			return nil
		},
	} {
		list[bridgeOption+name] = o
	}
	for _, key := range []string{"com.docker.network.host_ipv4", "com.docker.network.host_ipv6"} {
		list[key] = func(_ *network.Network, key, _ string) error {
			return refuse.NotImplemented("the option %s is not supported: the kernel chooses the address of the host", key)
		}
	}
	return list
}

// vlanOptions are the options of the drivers macvlan and ipvlan.
func vlanOptions(driver string) map[string]option {
	list := shared()
	list["parent"] = func(n *network.Network, key, value string) error {
		if !linkName(value) {
			return wrong(key, value, "not a name of a link")
		}
		n.Parent = value
		return nil
	}
	word := func(what string, words []string, set func(*network.Network, string)) option {
		return func(n *network.Network, _, value string) error {
			if !slices.Contains(words, value) {
				return refuse.Invalid("requested %s %s '%s' is not valid, '%s' %s is the %[1]s driver default", driver, what, value,
					words[0], what)
			}
			set(n, value)
			return nil
		}
	}
	if driver == "macvlan" {
		list["macvlan_mode"] = word("mode", []string{"bridge", "private", "vepa", "passthru"},
			func(n *network.Network, v string) { n.Mode = v })
		return list
	}
	list["ipvlan_mode"] = word("mode", []string{"l2", "l3", "l3s"}, func(n *network.Network, v string) { n.Mode = v })
	list["ipvlan_flag"] = word("flag", []string{"bridge", "private", "vepa"},
		func(n *network.Network, v string) { n.Flag = v })
	return list
}

// maxLinkName is the most bytes of the name of a link.
const maxLinkName = 15

// linkName tells whether the kernel takes a name for a link.
func linkName(s string) bool {
	return s != "" && s != "." && s != ".." && len(s) <= maxLinkName &&
		!strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == '/' || r == ':' || r == 0x7f })
}

// Driven returns the network as the options of its driver make it, and as the rest of the request does but for subnets.
// Options that no driver knows are left alone, as in Docker.
func (q *Network) Driven() (network.Network, error) {
	n := network.Network{Name: q.Name, Driver: q.Driver, NoIPv4: !q.IPv4(), IPv6: q.IPv6(), Internal: q.Internal,
		ICC: true, Masquerade: true}
	known := vlanOptions(q.Driver)
	if q.Driver == "bridge" {
		known = bridgeOptions()
	}
	keys := []string{}
	for key := range q.Options {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		if set := known[strings.ToLower(key)]; set != nil {
			if err := set(&n, key, q.Options[key]); err != nil {
				return n, err
			}
		}
	}
	if (n.Gateway4 == "isolated" || n.Gateway6 == "isolated") && !n.Internal {
		return n, refuse.Invalid("gateway mode 'isolated' can only be used for an internal network")
	}
	return n, nil
}
