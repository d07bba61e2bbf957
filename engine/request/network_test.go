package request

import (
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	apinetwork "github.com/moby/moby/api/types/network"
)

// TestNetworkCheck: what is refused whatever networks there are, in Docker's words.
func TestNetworkCheck(t *testing.T) {
	yes, no := true, false
	subnet := func(s Subnet) *IPAM { return &IPAM{Config: []Subnet{s}} }
	for _, row := range []struct {
		q     Network
		class func(error) bool
		says  string
	}{
		{Network{}, errdefs.IsInvalidArgument, "invalid name: "},
		{Network{Name: " \t"}, errdefs.IsInvalidArgument, "invalid name: "},
		{Network{Name: "default"}, errdefs.IsPermissionDenied, "operation is not permitted on predefined default network"},
		{Network{Name: "a", Ingress: true}, errdefs.IsPermissionDenied, "Ingress network can only be global scope network"},
		{Network{Name: "a", Scope: "swarm"}, errdefs.IsPermissionDenied, "when swarm is not active"},
		{Network{Name: "a", Scope: "global"}, errdefs.IsInternal, "not a swarm manager"},
		{Network{Name: "a", Driver: "overlay"}, errdefs.IsUnavailable, "not a swarm manager"},
		{Network{Name: "a", Driver: "host"}, errdefs.IsPermissionDenied, `only one instance of "host" network is allowed`},
		{Network{Name: "a", Driver: "null"}, errdefs.IsPermissionDenied, `only one instance of "null" network is allowed`},
		{Network{Name: "a", Driver: "weave"}, errdefs.IsNotFound, `plugin "weave" not found`},
		{Network{Name: "a", IPAM: &IPAM{Driver: "x"}}, errdefs.IsNotFound, `plugin "x" not found`},
		{Network{Name: "a", IPAM: &IPAM{Driver: "null"}}, errdefs.IsInvalidArgument, "ipv4 pool is empty"},
		{Network{Name: "a", EnableIPv4: &no}, errdefs.IsInvalidArgument, "IPv4 or IPv6 must be enabled"},
		{Network{Name: "a", EnableIPv4: &no, EnableIPv6: &yes}, nil, ""},
		{Network{Name: "a", Driver: "macvlan", IPAM: &IPAM{Driver: "null"}}, nil, ""},
		{Network{Name: "a", ConfigOnly: true, Internal: true}, errdefs.IsPermissionDenied, "network specific fields"},
		{Network{Name: "a", ConfigOnly: true, ConfigFrom: &apinetwork.ConfigReference{Network: "b"}},
			errdefs.IsPermissionDenied, "cannot depend on another"},
		{Network{Name: "a", ConfigFrom: &apinetwork.ConfigReference{Network: "b"}, Options: map[string]string{"x": ""}},
			errdefs.IsPermissionDenied, "user specified configurations are not supported"},
		{Network{Name: "a", IPAM: subnet(Subnet{Subnet: "x"})}, errdefs.IsInvalidArgument, "invalid CIDR block notation"},
		{Network{Name: "a", IPAM: subnet(Subnet{Subnet: "10.0.0.1/24"})}, errdefs.IsInvalidArgument,
			"invalid subnet 10.0.0.1/24: it should be 10.0.0.0/24"},
		{Network{Name: "a", IPAM: subnet(Subnet{Gateway: "10.0.0.1"})}, errdefs.IsInvalidArgument, "invalid subnet : "},
		{Network{Name: "a", IPAM: subnet(Subnet{})}, nil, ""},
		{Network{Name: "a", IPAM: subnet(Subnet{Subnet: "10.0.0.0/24", Gateway: "10.0.1.1"})}, errdefs.IsInvalidArgument,
			"doesn't contain this address"},
		{Network{Name: "a", IPAM: subnet(Subnet{Subnet: "10.0.0.0/24", Gateway: "fd00::1"})}, errdefs.IsInvalidArgument,
			"invalid gateway fd00::1: parent subnet is an IPv4 block"},
		{Network{Name: "a", IPAM: subnet(Subnet{Subnet: "10.0.0.0/24", IPRange: "10.0.0.0/16"})}, errdefs.IsInvalidArgument,
			"CIDR block is bigger than its parent subnet 10.0.0.0/24"},
		{Network{Name: "a", IPAM: subnet(Subnet{Subnet: "10.0.0.0/24", IPRange: "10.0.0.9/25"})}, errdefs.IsInvalidArgument,
			"it should be 10.0.0.0/25"},
		{Network{Name: "a", IPAM: subnet(Subnet{Subnet: "10.0.0.0/24", IPRange: "10.0.1.0/25"})}, errdefs.IsInvalidArgument,
			"doesn't contain ip-range"},
		{Network{Name: "a", IPAM: subnet(Subnet{Subnet: "10.0.0.0/24", AuxAddress: map[string]string{"n": "10.1.0.1"}})},
			errdefs.IsInvalidArgument, "invalid auxiliary address n: "},
		{Network{Name: "a", IPAM: &IPAM{Config: []Subnet{{Subnet: "10.0.0.0/24"}, {Subnet: "10.0.1.0/24"}}}},
			errdefs.IsPermissionDenied, "bridge driver doesn't support multiple subnets"},
		{Network{Name: "a", Driver: "ipvlan", IPAM: &IPAM{Config: []Subnet{{Subnet: "10.0.0.0/24"}, {Subnet: "10.0.1.0/24"}}}},
			nil, ""},
		{Network{Name: "a", IPAM: &IPAM{Config: []Subnet{{Subnet: "10.0.0.0/24"}, {Subnet: "10.0.0.0/25"}}}},
			errdefs.IsPermissionDenied, "Pool overlaps"},
	} {
		err := row.q.Check()
		if err == nil {
			_, _, err = row.q.Given()
		}
		switch {
		case row.class == nil && err != nil:
			t.Errorf("%+v: %v", row.q, err)
		case row.class != nil && (err == nil || !row.class(err) || !strings.Contains(err.Error(), row.says)):
			t.Errorf("%+v: %v, want %q", row.q, err, row.says)
		}
	}
}

// TestNetworkOptions: each option by a value that is taken and one that is not.
func TestNetworkOptions(t *testing.T) {
	const b = "com.docker.network.bridge."
	for _, row := range []struct{ driver, key, good, bad, says string }{
		{"bridge", b + "enable_icc", "false", "maybe",
			`failed to parse com.docker.network.bridge.enable_icc value: maybe (strconv.ParseBool: parsing "maybe": invalid syntax)`},
		{"bridge", b + "enable_ip_masquerade", "0", "2", "invalid syntax"},
		{"bridge", b + "inhibit_ipv4", "true", "", "invalid syntax"},
		{"bridge", b + "host_binding_ipv4", "127.0.0.1", "x", "value: x (nil ip)"},
		{"bridge", b + "host_binding_ipv4", "0.0.0.0", "::1", "the other family"},
		{"bridge", b + "host_binding_ipv6", "::1", "1.2.3.4", "the other family"},
		{"bridge", b + "gateway_mode_ipv4", "routed", "odd", "unknown gateway mode odd"},
		{"bridge", b + "gateway_mode_ipv6", "nat-unprotected", "isolated", "can only be used for an internal network"},
		{"bridge", b + "name", "br-mine", "much-too-long-for-the-kernel", "not a name for a link"},
		{"bridge", b + "name", "b", "a/b", "not a name for a link"},
		{"bridge", b + "trusted_host_interfaces", "eth0:eth1", "eth0:", "not names of links"},
		{"bridge", "com.docker.network.driver.mtu", "1400", "x",
			`failed to parse com.docker.network.driver.mtu value: x (strconv.Atoi: parsing "x": invalid syntax)`},
		{"bridge", "com.docker.network.driver.mtu", "0", "-5", "invalid MTU number: -5"},
		{"bridge", "com.docker.network.container_iface_prefix", "net", "a b", "beginning of a link's name"},
		{"macvlan", "macvlan_mode", "passthru", "x",
			"requested macvlan mode 'x' is not valid, 'bridge' mode is the macvlan driver default"},
		{"ipvlan", "ipvlan_mode", "l3s", "x", "requested ipvlan mode 'x' is not valid, 'l2' mode is the ipvlan driver default"},
		{"ipvlan", "ipvlan_flag", "vepa", "x", "requested ipvlan flag 'x' is not valid, 'bridge' flag is the ipvlan driver default"},
		{"macvlan", "parent", "eth0.10", "a b", "not a name of a link"},
	} {
		q := Network{Name: "a", Driver: row.driver, Options: map[string]string{row.key: row.good, "unknown": "x"}}
		if _, err := q.Driven(); err != nil {
			t.Errorf("%s=%s: %v", row.key, row.good, err)
		}
		q.Options[row.key] = row.bad
		if _, err := q.Driven(); err == nil || !strings.Contains(err.Error(), row.says) {
			t.Errorf("%s=%s: %v", row.key, row.bad, err)
		}
	}
}
