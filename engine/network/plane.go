package network

import (
	"context"
	"net"
	"net/netip"
	"os"
	"slices"
)

// Network is one network as the kernel is to have it. The zero of each field is what a network stored by an earlier
// version means.
type Network struct {
	ID         string
	Name       string
	Driver     string     // bridge, macvlan or ipvlan; host and none need nothing of a Plane
	Bridge     string     // name of the link, of a bridge
	Subnets    []Subnet   // of both families
	NoIPv4     bool       // containers have no IPv4 address
	IPv6       bool       // containers have an IPv6 address
	MTU        int        // bytes, 0 for the default
	Internal   bool       // no way out, no published ports
	ICC        bool       // containers of one bridge may talk to each other
	Masquerade bool       // source NAT on the way out, of the families whose gateway mode has it
	Via        netip.Addr // the IPv4 gateway of containers, zero for the bridge
	Via6       netip.Addr // the same for IPv6
	Unnumbered bool       // the bridge gets no IPv4 address (inhibit_ipv4)
	HostIP     netip.Addr // where ports are published by default, unspecified for everywhere
	HostIP6    netip.Addr // the same for IPv6
	Gateway4   string     // gateway mode of IPv4: nat (also ""), nat-unprotected, routed or isolated
	Gateway6   string     // the same for IPv6
	Trusted    []string   // links by which other hosts may reach containers directly
	Prefix     string     // of the links' names in containers, "" for eth
	Parent     string     // host's link of a macvlan or ipvlan, with .VLAN for a sub-interface; "" for a dummy link
	Mode       string     // of a macvlan (bridge, private, vepa, passthru) or ipvlan (l2, l3, l3s); "" for the first
	Flag       string     // of an ipvlan (bridge, private, vepa); "" for bridge
}

// Subnet is one range of a network's addresses.
type Subnet struct {
	Prefix  netip.Prefix
	Range   netip.Prefix // range to take addresses from, zero for all of Prefix
	Gateway netip.Addr   // the bridge's address
	Taken   []netip.Addr // addresses that others on the network have, which no container gets
}

// Equal tells whether both are the same range with the same addresses kept.
func (s Subnet) Equal(o Subnet) bool {
	return s.Prefix == o.Prefix && s.Range == o.Range && s.Gateway == o.Gateway && slices.Equal(s.Taken, o.Taken)
}

// Port is one published port, asked for or bound.
type Port struct {
	Proto     string // tcp, udp or sctp
	Container uint16 // port in the container
	// Unspecified (0.0.0.0, ::) for every address of that family; zero for the network's, or both families
	HostIP  netip.Addr
	Host    uint16 // first port on the host; 0 for a free one
	HostEnd uint16 // last port that will do, 0 for Host
}

// Request asks for one container's place on one network.
type Request struct {
	Container string           // full ID, also the sandbox's name
	Name      string           // the container's name, for messages
	Network   string           // network ID
	Endpoint  string           // endpoint ID, chosen by the caller
	Interface string           // name inside, "" for the next ethN
	Address   netip.Addr       // wanted IPv4 address, zero for the next free one
	Address6  netip.Addr       // the same for IPv6
	LinkLocal []netip.Addr     // further addresses of the link, of either family
	MAC       net.HardwareAddr // wanted, nil for one made from the address
	Gateway   bool             // the endpoint has the default routes and the published ports
	Ports     []Port           // published only with Gateway

	// Settings of the link in the sandbox, by name with IFNAME for the link (net.ipv4.conf.IFNAME.log_martians).
	Sysctls map[string]string

	Spared func(proto string, host uint16) bool // host ports that are kept from those that take any; nil for none
}

// Endpoint is one container's place on one network. It is plain data: the engine keeps it across restarts and passes
// it to Restore.
type Endpoint struct {
	ID        string
	Container string
	Network   string
	Interface string       // inside
	HostLink  string       // outside
	Address   netip.Prefix // IPv4, zero for none
	Address6  netip.Prefix // IPv6, zero for none
	Gateway   netip.Addr   // by which the IPv4 default route would lead, zero for none
	Gateway6  netip.Addr   // the same for IPv6
	LinkLocal []netip.Addr //
	MAC       string       //
	Ports     []Port       // as bound: Host is the real port, 0 for a port that is open on the container's own address
}

// Plane makes networks and endpoints real. A call that returns an error undoes what it made.
type Plane interface {
	// Create makes n's bridge, addresses and rules, or takes over what exists with the same name.
	Create(ctx context.Context, n Network) error
	// Delete removes the bridge and the rules of a network. An unknown network is no error.
	Delete(ctx context.Context, id string) error
	// Sandbox makes the network namespace of a container, with its loopback up, and returns the path for the runtime.
	// If the namespace exists, it returns the path of that. from is the path of an empty one to use, "" for a new
	// one.
	Sandbox(ctx context.Context, container, from string, sysctls map[string]string) (path string, err error)
	// Join puts the sandbox of r.Container on a network: link, address, routes, published ports. For a port that
	// somebody else has, it returns errdefs.ErrConflict with the text that Docker prints.
	Join(ctx context.Context, r Request) (Endpoint, error)
	// Publish publishes ports of an endpoint that has none and returns them as bound; the rest is as with Join.
	Publish(ctx context.Context, endpoint, name string, ports []Port,
		spared func(proto string, host uint16) bool) ([]Port, error)
	// Unpublish takes all published ports of an endpoint back.
	Unpublish(ctx context.Context, endpoint string) error
	// Reroute makes the default routes of a running container lead by these of its endpoints, "" for no such route.
	Reroute(ctx context.Context, container, endpoint4, endpoint6 string) error
	// Leave undoes Join. It passes over what is gone already.
	Leave(ctx context.Context, e Endpoint) error
	// RemoveSandbox deletes the container's network namespace. The kernel's part of that may go on after the call.
	RemoveSandbox(ctx context.Context, container string) error
	// Sandboxes lists the existing sandboxes by the first 12 digits of their containers' IDs.
	Sandboxes(ctx context.Context) ([]string, error)
	// Restore comes before all other calls. It tells the plane which networks and endpoints live on from an earlier
	// daemon. The plane takes their addresses and ports again, removes rules of other endpoints and puts back missing
	// ones.
	Restore(ctx context.Context, networks []Network, endpoints []Endpoint) error
	// Warnings lists what this host cannot do, one sentence each with its remedy, for `docker info`.
	Warnings() []string
	// Close ends the use of the plane. last says that no container runs on: then Close removes the rules, settings
	// and bridges that this daemon made, and the next Restore makes them again.
	Close(last bool) error
}

// Holder keeps descriptors open beyond the life of the daemon: the reservations of published ports. The keeper is one.
type Holder interface {
	// Hold keeps copies of files under key until Drop; the caller closes its own. With forward set, each file is a
	// listening TCP or a bound UDP socket whose traffic goes to that address, because no rule can do it. At most 200
	// files go in one call.
	Hold(ctx context.Context, key string, files []*os.File, forward []netip.AddrPort) error
	// Drop closes what is held under key. An unknown key is no error.
	Drop(ctx context.Context, key string) error
}
