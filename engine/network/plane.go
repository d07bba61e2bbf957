package network

import (
	"context"
	"net"
	"net/netip"
	"os"
)

// Network is one network as the kernel is to have it.
type Network struct {
	ID         string
	Name       string
	Driver     string     // bridge; host and none need nothing of a Plane
	Bridge     string     // name of the link
	Subnets    []Subnet   //
	MTU        int        // bytes, 0 for the default
	Internal   bool       // no way out, no published ports
	ICC        bool       // containers of one bridge may talk to each other
	Masquerade bool       // source NAT on the way out
	Via        netip.Addr // the gateway of containers, zero for the bridge
	HostIP     netip.Addr // where ports are published when nobody says, unspecified for everywhere
}

// Subnet is one range of a network's addresses.
type Subnet struct {
	Prefix  netip.Prefix
	Range   netip.Prefix // where addresses are taken from, zero for all of Prefix
	Gateway netip.Addr   // the bridge's address
}

// Port is one published port, asked for or bound.
type Port struct {
	Proto     string // tcp, udp or sctp
	Container uint16 // port in the container
	// Unspecified (0.0.0.0, ::) for every address of that family; zero for the network's, or both families
	HostIP  netip.Addr
	Host    uint16 // first port on the host; 0 for a free one
	HostEnd uint16 // last port that will do, Host when 0
}

// Request is one container's wish to be on one network.
type Request struct {
	Container string           // full ID, also the sandbox's name
	Name      string           // the container's name, for messages
	Network   string           // network ID
	Endpoint  string           // endpoint ID, made up by the caller
	Interface string           // name inside, "" for the next ethN
	Address   netip.Addr       // wanted IPv4 address, zero for the next free one
	MAC       net.HardwareAddr // wanted, nil for one made from the address
	Ports     []Port           //

	Spared func(proto string, host uint16) bool // host ports that are kept from those that take any; nil for none
}

// Endpoint is one container's place on one network. It is plain data: the engine keeps it across restarts and gives
// it back to Restore.
type Endpoint struct {
	ID        string
	Container string
	Network   string
	Interface string       // inside
	HostLink  string       // outside
	Address   netip.Prefix // IPv4
	Gateway   netip.Addr   //
	MAC       string       //
	Ports     []Port       // as bound: Host is the real port
}

// Plane makes networks and endpoints real. What a call made is undone when the call gives an error.
type Plane interface {
	// Create makes n's bridge, addresses and rules, or takes over what is there already with the same name.
	Create(ctx context.Context, n Network) error
	// Delete removes the bridge and the rules of a network; one that is not there is no error.
	Delete(ctx context.Context, id string) error
	// Sandbox makes the network namespace of a container, with its loopback up, and returns the path to hand to the
	// runtime. For a namespace that exists it returns the path. from is the path of an empty one to take, "" for a
	// new one.
	Sandbox(ctx context.Context, container, from string, sysctls map[string]string) (path string, err error)
	// Join puts the sandbox of r.Container on a network: link, address, routes, published ports.
	// A port that somebody else has gives errdefs.ErrConflict... with the text that Docker prints.
	Join(ctx context.Context, r Request) (Endpoint, error)
	// Leave undoes Join. What is gone already is no error.
	Leave(ctx context.Context, e Endpoint) error
	// RemoveSandbox deletes the container's network namespace; the kernel's part of it may go on after the call.
	RemoveSandbox(ctx context.Context, container string) error
	// Sandboxes lists the sandboxes that are there, by the first 12 digits of their containers' IDs.
	Sandboxes(ctx context.Context) ([]string, error)
	// Restore tells the plane, at start and before anything else, of the networks and endpoints that live on from an
	// earlier daemon: addresses and ports are taken again, rules of endpoints that are not in the list are removed,
	// missing ones are put back.
	Restore(ctx context.Context, networks []Network, endpoints []Endpoint) error
	// Warnings says what this host cannot do, one sentence each with its remedy, for `docker info`.
	Warnings() []string
	// Close ends the use of the plane. With last, when no container runs on, it takes away rules, settings and
	// bridges that this daemon made; the next Restore makes them again.
	Close(last bool) error
}

// Holder keeps descriptors open beyond the life of the daemon: the reservations of published ports. The keeper is one.
type Holder interface {
	// Hold keeps copies of files under key until Drop; the caller closes its own. With forward set, each file is a
	// listening TCP or a bound UDP socket whose traffic is to be forwarded to that address, because no rule can do it.
	// At most 200 files go in one call.
	Hold(ctx context.Context, key string, files []*os.File, forward []netip.AddrPort) error
	// Drop closes what is held under key; a key that is not there is no error.
	Drop(ctx context.Context, key string) error
}
