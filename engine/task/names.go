package task

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"github.com/containerd/errdefs"
)

// Namer is what a Launcher is besides if it answers its containers' questions for names, at port 53 of 127.0.0.11 in
// their network namespaces. It goes on answering while no daemon runs.
type Namer interface {
	// Names changes what containers find by name. When it returns, the resolvers in n answer. Zones are changed even if
	// a resolver cannot be opened.
	Names(ctx context.Context, n Names) error
}

// Names is a change of what containers find by name. Only what it lists changes, unless Whole is set.
type Names struct {
	Whole     bool       `json:",omitempty"` // zones and resolvers that are not listed are dropped
	Zones     []Zone     `json:",omitempty"`
	Resolvers []Resolver `json:",omitempty"`
}

// Zone has names of one network. All resolvers on it share them.
type Zone struct {
	Network string // ID
	Name    string // of the network: "web.NAME" finds web there
	Hosts   []Host `json:",omitempty"`
	Whole   bool   `json:",omitempty"` // hosts that are not listed are dropped
	Gone    bool   `json:",omitempty"` // the zone is dropped
}

// Host is an endpoint on a network. It replaces the one with the same ID.
type Host struct {
	Endpoint  string       // ID
	Names     []string     `json:",omitempty"` // the first one is found by address; a name may belong to several hosts
	Addresses []netip.Addr `json:",omitempty"` // none: the host is dropped
}

// Resolver answers in the network namespace of one container. It ends with the container's program. One that is there
// already keeps its sockets and answers by the new settings.
type Resolver struct {
	Container string            // ID
	Namespace string            `json:",omitempty"` // path of the network namespace
	Networks  []string          `json:",omitempty"` // IDs, in the order in which they are looked through
	Links     map[string]string `json:",omitempty"` // names that only this container knows, for others' names
	Internal  bool              `json:",omitempty"` // asks no server: the container has no way out
	Servers   []netip.Addr      `json:",omitempty"` // asked from the container's namespace; none for the host's
	HostFile  string            `json:",omitempty"` // resolv.conf that has the host's servers, "" for /etc/resolv.conf
	Gone      bool              `json:",omitempty"` // the resolver is dropped
}

// Names implements Namer.
func (c *Client) Names(ctx context.Context, n Names) error {
	_, err := c.call(ctx, Request{Verb: VerbNames, Table: &n})
	if errdefs.IsInvalidArgument(err) && strings.Contains(err.Error(), `does not know "`+VerbNames+`"`) {
		return fmt.Errorf("the running keeper answers no questions for names in containers: %w",
			errdefs.ErrNotImplemented)
	}
	return err
}
