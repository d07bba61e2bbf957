package request

import (
	"net/netip"
	"slices"
	"strings"

	apinetwork "github.com/moby/moby/api/types/network"

	"box/engine/network"
	"box/engine/refuse"
)

// Network is a request to create a network as a client sends it: what is wrong with an address is told in Docker's
// words.
type Network struct {
	Name, Driver, Scope                                       string
	CheckDuplicate, Internal, Attachable, Ingress, ConfigOnly bool
	EnableIPv4, EnableIPv6                                    *bool
	ConfigFrom                                                *apinetwork.ConfigReference
	Options, Labels                                           map[string]string
	IPAM                                                      *IPAM

	Duplicates bool `json:"-"` // a name may be used twice, as before 1.44 unless CheckDuplicate is set
}

// IPAM is how addresses are assigned on a network.
type IPAM struct {
	Driver  string
	Options map[string]string
	Config  []Subnet
}

// Subnet is a subnet that a client asks for.
type Subnet struct {
	Subnet, IPRange, Gateway string
	AuxAddress               map[string]string `json:"AuxiliaryAddresses"`
}

// Predefined tells whether a name is that of a network which always exists, or which a mode of the network means.
func Predefined(name string) bool {
	return slices.Contains([]string{"bridge", "host", "none", "default"}, name)
}

// NotManager is what a node answers that is in no swarm.
const NotManager = `This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this ` +
	`node to swarm and try again.`

// Check refuses what is wrong whatever other networks there are, in Docker's words and order.
func (q *Network) Check() error {
	if q.Driver == "" || q.Driver == "default" {
		q.Driver = "bridge"
	}
	from := q.ConfigFrom != nil && q.ConfigFrom.Network != ""
	switch {
	case Predefined(q.Name):
		return refuse.Denied("operation is not permitted on predefined %s network ", q.Name)
	case strings.TrimSpace(q.Name) == "":
		return refuse.Invalid("invalid name: %s", q.Name)
	case q.Ingress:
		return refuse.Denied("Ingress network can only be global scope network")
	case q.Scope == "swarm":
		return refuse.Denied("cannot create a swarm scoped network when swarm is not active")
	case q.Scope != "" && q.Scope != "local":
		return refuse.Internal("%s", NotManager)
	case q.Driver == "overlay":
		return refuse.Unavailable("%s", NotManager)
	case q.ConfigOnly && (q.Internal || q.Attachable || q.Scope != ""):
		return refuse.Denied("configuration network can only contain network specific fields. Network operator fields like " +
			"[ ingress | internal | attachable | scope ] are not supported.")
	case q.ConfigOnly && from:
		return refuse.Denied("a configuration network cannot depend on another configuration network")
	case from && q.specific():
		return refuse.Denied("user specified configurations are not supported if the network depends on a configuration network")
	case q.Driver == "host", q.Driver == "null":
		return refuse.Denied("only one instance of %q network is allowed", q.Driver)
	case !slices.Contains([]string{"bridge", "macvlan", "ipvlan"}, q.Driver):
		return refuse.NotFound("plugin %q not found", q.Driver)
	}
	return q.checkFamilies(from)
}

// specific tells whether the request has what a configuration network would give.
func (q *Network) specific() bool {
	return len(q.Options) > 0 || q.EnableIPv6 != nil && *q.EnableIPv6 || q.IPAM != nil &&
		(len(q.IPAM.Config) > 0 || len(q.IPAM.Options) > 0 || q.IPAM.Driver != "" && q.IPAM.Driver != "default")
}

// checkFamilies checks the driver of addresses and which families there are.
func (q *Network) checkFamilies(from bool) error {
	if q.IPAM == nil {
		q.IPAM = &IPAM{}
	}
	if q.IPAM.Driver == "" {
		q.IPAM.Driver = "default"
	}
	switch {
	case q.IPAM.Driver != "default" && q.IPAM.Driver != "null":
		return refuse.NotFound("plugin %q not found", q.IPAM.Driver)
	case q.IPAM.Driver == "null" && q.Driver == "bridge" && !q.ConfigOnly && !from:
		return refuse.Invalid("ipv4 pool is empty")
	case !q.IPv4() && !q.IPv6():
		return refuse.Invalid("IPv4 or IPv6 must be enabled")
	}
	return nil
}

// IPv4 tells whether the network is to have IPv4 addresses.
func (q *Network) IPv4() bool { return q.EnableIPv4 == nil || *q.EnableIPv4 }

// IPv6 tells whether the network is to have IPv6 addresses.
func (q *Network) IPv6() bool { return q.EnableIPv6 != nil && *q.EnableIPv6 }

// Given returns the subnets as the network's inspection shows them, and as the plane takes them, where those without a
// gateway have none yet and those of a family that is off are left out.
func (q *Network) Given() (shown []apinetwork.IPAMConfig, subnets []network.Subnet, err error) {
	var wrong []string
	for _, c := range q.IPAM.Config {
		if c.Subnet == "" && c.IPRange == "" && c.Gateway == "" && len(c.AuxAddress) == 0 {
			continue // as if it were not there
		}
		one, faults := c.parse()
		wrong = append(wrong, faults...)
		if len(faults) > 0 {
			continue
		}
		shown = append(shown, one)
		if six := one.Subnet.Addr().Is6(); six && !q.IPv6() || !six && !q.IPv4() {
			continue
		}
		s := network.Subnet{Prefix: one.Subnet, Range: one.IPRange, Gateway: one.Gateway}
		for _, a := range one.AuxAddress {
			s.Taken = append(s.Taken, a)
		}
		subnets = append(subnets, s)
	}
	if len(wrong) > 0 {
		return nil, nil, refuse.Invalid("invalid network config:\n%s", strings.Join(wrong, "\n"))
	}
	return shown, subnets, q.checkSubnets(subnets)
}

// checkSubnets refuses subnets that overlap each other, or that are too many for a bridge.
func (q *Network) checkSubnets(list []network.Subnet) error {
	count := map[bool]int{}
	for i, s := range list {
		count[s.Prefix.Addr().Is6()]++
		for _, other := range list[:i] {
			if s.Prefix.Overlaps(other.Prefix) {
				return refuse.Denied("Pool overlaps with other one on this address space")
			}
		}
	}
	if q.Driver == "bridge" && !q.ConfigOnly && (count[false] > 1 || count[true] > 1) {
		return refuse.Denied("bridge driver doesn't support multiple subnets")
	}
	return nil
}

// parse parses a subnet and what belongs to it, and lists what is wrong with it.
func (s *Subnet) parse() (c apinetwork.IPAMConfig, wrong []string) {
	var err error
	if c.Subnet, err = netip.ParsePrefix(s.Subnet); err != nil {
		return c, []string{"invalid subnet " + s.Subnet + ": invalid CIDR block notation"}
	}
	if c.Subnet != c.Subnet.Masked() {
		wrong = append(wrong, "invalid subnet "+s.Subnet+": it should be "+c.Subnet.Masked().String())
	}
	if s.IPRange != "" {
		var fault string
		if c.IPRange, fault = s.within(c.Subnet); fault != "" {
			wrong = append(wrong, "invalid ip-range "+s.IPRange+": "+fault)
		}
	}
	if s.Gateway != "" {
		var fault string
		if c.Gateway, fault = addressIn(s.Gateway, c.Subnet); fault != "" {
			wrong = append(wrong, "invalid gateway "+s.Gateway+": "+fault)
		}
	}
	names := []string{}
	for name := range s.AuxAddress {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		a, fault := addressIn(s.AuxAddress[name], c.Subnet)
		if fault != "" {
			wrong = append(wrong, "invalid auxiliary address "+name+": "+fault)
		}
		if c.AuxAddress == nil {
			c.AuxAddress = map[string]netip.Addr{}
		}
		c.AuxAddress[name] = a
	}
	return c, wrong
}

// within parses the range from which containers get addresses.
func (s *Subnet) within(subnet netip.Prefix) (r netip.Prefix, fault string) {
	r, err := netip.ParsePrefix(s.IPRange)
	switch {
	case err != nil:
		return r, "invalid CIDR block notation"
	case r.Addr().Is4() != subnet.Addr().Is4():
		return r, parentIs(subnet)
	case r.Bits() < subnet.Bits():
		return r, "CIDR block is bigger than its parent subnet " + subnet.String()
	case r != r.Masked():
		return r, "it should be " + r.Masked().String()
	case !subnet.Overlaps(r):
		return r, "parent subnet " + subnet.String() + " doesn't contain ip-range"
	}
	return r, ""
}

// addressIn parses an address of a subnet.
func addressIn(text string, subnet netip.Prefix) (a netip.Addr, fault string) {
	a, err := netip.ParseAddr(text)
	switch {
	case err != nil || a.Zone() != "":
		return a, "invalid address"
	case a.Is4() != subnet.Addr().Is4():
		return a, parentIs(subnet)
	case !subnet.Contains(a):
		return a, "parent subnet " + subnet.String() + " doesn't contain this address"
	}
	return a, ""
}

func parentIs(subnet netip.Prefix) string {
	if subnet.Addr().Is4() {
		return "parent subnet is an IPv4 block"
	}
	return "parent subnet is an IPv6 block"
}
