package network

import (
	"fmt"

	"github.com/containerd/errdefs"
)

// unbuilt refuses what this plane cannot make, before anything is made.
func (n *Network) unbuilt() error {
	for _, f := range []struct {
		asked bool
		what  string
	}{
		{n.Driver != "" && n.Driver != "bridge", "the driver " + n.Driver},
		{n.IPv6, "IPv6 (--ipv6)"},
		{n.NoIPv4, "a network without IPv4"},
		{n.Prefix != "", "com.docker.network.container_iface_prefix"},
		{n.Unnumbered, "com.docker.network.bridge.inhibit_ipv4"},
		{len(n.Trusted) > 0, "com.docker.network.bridge.trusted_host_interfaces"},
		{n.HostIP6.IsValid(), "com.docker.network.bridge.host_binding_ipv6"},
		{n.Gateway4 != "" && n.Gateway4 != "nat" || n.Gateway6 != "" && n.Gateway6 != "nat", "a gateway mode other than nat"},
	} {
		if f.asked {
			return fmt.Errorf("network %s: this version of box does not support %s: %w", n.Name, f.what, errdefs.ErrNotImplemented)
		}
	}
	return nil
}

// unbuilt refuses what this plane cannot give an endpoint.
func (r *Request) unbuilt() error {
	if r.Address6.IsValid() || len(r.LinkLocal) > 0 || len(r.Sysctls) > 0 {
		return fmt.Errorf("container %s: this version of box supports neither IPv6 and link-local addresses nor sysctls of an "+
			"endpoint: %w", r.Name, errdefs.ErrNotImplemented)
	}
	return nil
}
