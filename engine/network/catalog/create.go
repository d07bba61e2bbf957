package catalog

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	apinetwork "github.com/moby/moby/api/types/network"

	"box/engine/ident"
	"box/engine/network"
	"box/engine/network/ipam"
	"box/engine/refuse"
	"box/engine/request"
	"box/engine/state"
)

// Create creates a network. If it returns without an error, the network survives a crash; with one, nothing is left of
// it. The warning is about another network with the name.
func (c *Catalog) Create(ctx context.Context, q *request.Network) (r *Record, warning string, err error) {
	if err := q.Check(); err != nil {
		return nil, "", err
	}
	if r, warning, err = c.reserve(q); err != nil {
		return nil, "", err
	}
	// The kernel works while the disk does. What a crash leaves of either is a whole network, or a link of this daemon
	// that belongs to no network, which the plane's Restore deletes.
	made := make(chan error, 1)
	go func() {
		if !r.Linked() {
			made <- nil
			return
		}
		made <- c.o.Plane.Create(ctx, r.Network)
	}()
	err = c.o.DB.Batch(func(tx *state.Tx) error { return records.Put(tx, r.ID, *r) })
	planeErr := <-made
	if err = errors.Join(planeErr, err); err != nil {
		return nil, "", errors.Join(err, c.undo(context.WithoutCancel(ctx), r, planeErr == nil))
	}
	c.mu.Lock()
	c.byID[r.ID].hidden = false
	c.mu.Unlock()
	return r, warning, nil
}

// undo removes what Create made.
func (c *Catalog) undo(ctx context.Context, r *Record, made bool) error {
	err := c.o.DB.Update(func(tx *state.Tx) error { return records.Delete(tx, r.ID) })
	if made && r.Linked() {
		err = errors.Join(err, c.o.Plane.Delete(ctx, r.ID))
	}
	c.mu.Lock()
	delete(c.byID, r.ID)
	c.mu.Unlock()
	return err
}

// reserve takes a name and subnets for a new network, which nobody finds yet.
func (c *Catalog) reserve(q *request.Network) (r *Record, warning string, err error) {
	var host []netip.Prefix
	if c.o.Host != nil {
		host = c.o.Host()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.byID {
		if e.Name != q.Name {
			continue
		}
		if !q.Duplicates {
			return nil, "", refuse.Conflict("network with name %s already exists", q.Name)
		}
		warning = fmt.Sprintf("Network with name %s (id : %s) already exists", e.Name, e.ID)
	}
	if c.o.Plane == nil && !q.ConfigOnly {
		return nil, "", refuse.Conflict("this daemon has no network for containers")
	}
	own := *q
	if err := c.inherit(&own); err != nil {
		return nil, "", err
	}
	if r, err = c.record(&own, host); err != nil {
		return nil, "", err
	}
	c.byID[r.ID] = &entry{Record: r, hidden: true}
	return r, warning, nil
}

// inherit takes over what the request leaves to a configuration network or to the daemon's defaults.
func (c *Catalog) inherit(q *request.Network) error {
	if q.ConfigFrom != nil && q.ConfigFrom.Network != "" {
		from, err := c.find(q.ConfigFrom.Network)
		if err != nil || !from.ConfigOnly {
			return refuse.NotFound("configuration network %q does not exist", q.ConfigFrom.Network)
		}
		q.ConfigFrom = &apinetwork.ConfigReference{Network: from.Name}
		q.EnableIPv4, q.EnableIPv6 = new(!from.NoIPv4), new(from.IPv6)
		q.Options, q.IPAM = from.Record.Options, asked(&from.IPAM)
		if len(q.Labels) == 0 {
			q.Labels = from.Labels
		}
	}
	defaults := c.o.Defaults[q.Driver]
	if len(defaults) == 0 || q.ConfigOnly {
		return nil
	}
	options := maps.Clone(defaults)
	maps.Copy(options, q.Options)
	q.Options = options
	return nil
}

// asked returns the request for addresses that a configuration network was made from.
func asked(from *apinetwork.IPAM) *request.IPAM {
	to := &request.IPAM{Driver: from.Driver, Options: from.Options}
	for _, c := range from.Config {
		s := request.Subnet{Subnet: c.Subnet.String(), AuxAddress: map[string]string{}}
		if c.IPRange.IsValid() {
			s.IPRange = c.IPRange.String()
		}
		if c.Gateway.IsValid() {
			s.Gateway = c.Gateway.String()
		}
		for name, a := range c.AuxAddress {
			s.AuxAddress[name] = a.String()
		}
		to.Config = append(to.Config, s)
	}
	return to
}

// record makes the record of a new network. The caller holds the lock.
func (c *Catalog) record(q *request.Network, host []netip.Prefix) (*Record, error) {
	n, err := q.Driven()
	if err != nil {
		return nil, err
	}
	shown, subnets, err := q.Given()
	if err != nil {
		return nil, err
	}
	n.ID = ident.New()
	r := &Record{Created: c.o.Now().UTC(), Network: n, Options: q.Options, Labels: q.Labels, Attachable: q.Attachable,
		IPAM: apinetwork.IPAM{Driver: q.IPAM.Driver, Options: q.IPAM.Options, Config: shown}, ConfigOnly: q.ConfigOnly}
	if q.ConfigFrom != nil {
		r.ConfigFrom = q.ConfigFrom.Network
	}
	if q.ConfigOnly {
		r.Driver, r.Bridge = "null", ""
		return r, nil
	}
	if err := c.name(r); err != nil {
		return nil, err
	}
	if q.IPAM.Driver == "null" {
		r.NoIPv4, r.IPv6 = true, false
		return r, nil
	}
	r.Subnets, err = c.subnets(r, subnets, host)
	return r, err
}

// name names the bridge of a network.
func (c *Catalog) name(r *Record) error {
	if r.Driver != "bridge" {
		return nil
	}
	if r.Bridge == "" {
		r.Bridge = "br-" + ident.Short(r.ID)
	}
	for _, e := range c.byID {
		if e.Bridge == r.Bridge {
			return refuse.Denied("cannot create network %s (%s): conflicts with network %s (%s): networks have same bridge name",
				r.ID, r.Bridge, e.ID, e.Bridge)
		}
	}
	return nil
}

// subnets completes the subnets of a network: one of each family from the pools where the user gave none, and gateways.
func (c *Catalog) subnets(r *Record, given []network.Subnet, host []netip.Prefix) ([]network.Subnet, error) {
	var taken []netip.Prefix
	for _, e := range c.byID {
		for _, s := range e.Subnets {
			taken = append(taken, s.Prefix)
		}
	}
	for _, s := range given {
		if ipam.Overlap(s.Prefix, taken) {
			return nil, ipam.ErrOverlap
		}
	}
	list := slices.Clone(given)
	for _, six := range []bool{false, true} {
		has := slices.ContainsFunc(given, func(s network.Subnet) bool { return s.Prefix.Addr().Is6() == six })
		if has || six && !r.IPv6 || !six && r.NoIPv4 {
			continue
		}
		free, err := ipam.Free(c.o.Pools, six, slices.Concat(taken, host))
		if err != nil {
			return nil, err
		}
		list = append(list, network.Subnet{Prefix: free})
	}
	slices.SortStableFunc(list, func(a, b network.Subnet) int { return a.Prefix.Addr().BitLen() - b.Prefix.Addr().BitLen() })
	for i := range list {
		s := &list[i]
		if s.Gateway.IsValid() {
			continue
		}
		var err error
		if s.Gateway, err = ipam.Gateway(s.Prefix, s.Range, s.Taken); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// Remove removes a network that nobody uses, and returns its record. The removal survives a crash.
func (c *Catalog) Remove(ctx context.Context, ref string) (*Record, error) {
	r, err := c.retire(ref)
	if err != nil {
		return nil, err
	}
	err = c.o.DB.Batch(func(tx *state.Tx) error { return records.Delete(tx, r.ID) })
	if err != nil {
		c.mu.Lock()
		c.byID[r.ID].hidden = false
		c.mu.Unlock()
		return nil, err
	}
	if r.Linked() && c.o.Plane != nil {
		if err := c.o.Plane.Delete(context.WithoutCancel(ctx), r.ID); err != nil {
			c.o.Log.Error("remove a network from the kernel: the next start tries again", "network", r.Name, "error", err)
		}
	}
	c.mu.Lock()
	delete(c.byID, r.ID)
	c.mu.Unlock()
	return r, nil
}

// retire hides a network that may be removed.
func (c *Catalog) retire(ref string) (*Record, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, err := c.find(ref)
	switch {
	case err != nil:
		return nil, err
	case e.Predefined():
		return nil, refuse.Denied("%s is a pre-defined network and cannot be removed", e.Name)
	case e.users > 0:
		return nil, refuse.Denied("error while removing network: network %s id %s has active endpoints", e.Name, e.ID)
	}
	if e.ConfigOnly {
		for _, other := range c.byID {
			if other.ConfigFrom == e.Name {
				return nil, refuse.Denied("error while removing network: configuration network %q is in use", e.Name)
			}
		}
	}
	e.hidden = true
	return e.Record, nil
}
