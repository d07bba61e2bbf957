// Package catalog keeps the networks: their records in the state file, which subnets and names are taken, and which
// networks are in use. What is made for them in the kernel is the plane's.
package catalog

import (
	"cmp"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	apinetwork "github.com/moby/moby/api/types/network"

	"box/engine/network"
	"box/engine/network/ipam"
	"box/engine/refuse"
	"box/engine/request"
	"box/engine/state"
)

// Record is a network as it is stored. It is never changed in place.
type Record struct {
	Created time.Time
	network.Network
	Options    map[string]string
	Labels     map[string]string
	IPAM       apinetwork.IPAM // as it was asked for
	Attachable bool
	ConfigOnly bool   // a configuration for other networks, no network
	ConfigFrom string // name of the network that gave this one its configuration
}

var records = state.Table[Record]{Name: "networks"}

// Predefined tells whether the network always exists.
func (r *Record) Predefined() bool { return request.Predefined(r.Name) }

// Linked tells whether containers have a link on the network, and the plane has to do with it.
func (r *Record) Linked() bool { return linked(r.Driver) && !r.ConfigOnly }

func linked(driver string) bool {
	return driver == "bridge" || driver == "macvlan" || driver == "ipvlan"
}

// Fixed tells whether a container may choose an address of a family: the user has chosen its subnet.
func (r *Record) Fixed(six bool) bool {
	return slices.ContainsFunc(r.IPAM.Config, func(c apinetwork.IPAMConfig) bool { return c.Subnet.Addr().Is6() == six })
}

// Options say what a catalog works with.
type Options struct {
	DB       *state.DB
	Plane    network.Plane                // nil: networks cannot be created
	Pools    []ipam.Pool                  // of networks without subnets
	Host     func() []netip.Prefix        // what the host uses besides; nil: nothing
	Defaults map[string]map[string]string // options of networks that do not have them, by driver
	Now      func() time.Time
	Log      *slog.Logger
}

// Catalog is all networks. Its methods may be called by several goroutines.
type Catalog struct {
	o Options

	mu   sync.RWMutex
	byID map[string]*entry
}

// entry is a network with its state. Catalog.mu guards it.
type entry struct {
	*Record
	users  int  // endpoints, those that are being made too
	hidden bool // being created or removed: its name and subnets are taken, and nobody finds it
}

// Open reads the networks.
func Open(o Options) (*Catalog, error) {
	c := &Catalog{o: o, byID: map[string]*entry{}}
	err := o.DB.View(func(tx *state.Tx) error {
		return records.Walk(tx, func(_ string, r Record, bad error) error {
			if bad != nil {
				o.Log.Error("network that cannot be read is left out", "error", bad)
				return nil
			}
			c.byID[r.ID] = &entry{Record: &r}
			return nil
		})
	})
	return c, err
}

// Put stores networks durably in the place of those with the same IDs.
func (c *Catalog) Put(list ...*Record) error {
	err := c.o.DB.Update(func(tx *state.Tx) error {
		for _, r := range list {
			if err := records.Put(tx, r.ID, *r); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range list {
		if c.byID[r.ID] == nil {
			c.byID[r.ID] = &entry{}
		}
		c.byID[r.ID].Record = r
	}
	return nil
}

// List returns the networks, sorted by name.
func (c *Catalog) List() []*Record {
	c.mu.RLock()
	list := make([]*Record, 0, len(c.byID))
	for _, e := range c.byID {
		if !e.hidden {
			list = append(list, e.Record)
		}
	}
	c.mu.RUnlock()
	slices.SortFunc(list, func(a, b *Record) int { return cmp.Or(cmp.Compare(a.Name, b.Name), a.Created.Compare(b.Created)) })
	return list
}

// Len returns the number of networks.
func (c *Catalog) Len() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.byID)
}

// Named returns a network with this very name, or nil.
func (c *Catalog) Named(name string) *Record {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, e := range c.byID {
		if e.Name == name && !e.hidden {
			return e.Record
		}
	}
	return nil
}

// Find returns a network by ID, name, or unique prefix of the ID.
func (c *Catalog) Find(ref string) (*Record, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	e, err := c.find(ref)
	if err != nil {
		return nil, err
	}
	return e.Record, nil
}

func (c *Catalog) find(ref string) (*entry, error) {
	if e := c.byID[ref]; e != nil && !e.hidden {
		return e, nil
	}
	var named, prefixed []*entry
	for id, e := range c.byID {
		switch {
		case e.hidden || ref == "":
		case e.Name == ref:
			named = append(named, e)
		case strings.HasPrefix(id, ref):
			prefixed = append(prefixed, e)
		}
	}
	switch {
	case len(named) == 1:
		return named[0], nil
	case len(named) > 1:
		return nil, refuse.Invalid("network %s is ambiguous (%d matches found based on name)", ref, len(named))
	case len(prefixed) == 1:
		return prefixed[0], nil
	case len(prefixed) > 1:
		return nil, refuse.Invalid("network %s is ambiguous (%d matches found based on ID prefix)", ref, len(prefixed))
	}
	return nil, refuse.NotFound("network %s not found", ref)
}

// Exact finds a network by its whole name, or its whole ID: not another one whose ID begins so.
func (c *Catalog) Exact(name string) (*Record, error) {
	n, err := c.Find(name)
	if (err != nil || n.Name != name && n.ID != name) && c.Named(name) == nil {
		return nil, refuse.NotFound("network %s not found", name)
	}
	return n, err
}

// Use finds a network as Find does and keeps it from being removed until Done.
func (c *Catalog) Use(ref string) (*Record, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, err := c.find(ref)
	if err != nil {
		return nil, err
	}
	e.users++
	return e.Record, nil
}

// Done ends one Use of a network.
func (c *Catalog) Done(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.byID[id]; e != nil && e.users > 0 {
		e.users--
	}
}

// Used tells whether a network is in use.
func (c *Catalog) Used(id string) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	e := c.byID[id]
	return e != nil && e.users > 0
}
