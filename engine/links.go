package engine

import (
	"context"
	"net/netip"
	"path"
	"path/filepath"
	"slices"
	"strings"

	api "github.com/moby/moby/api/types/container"

	"box/engine/endpoint"
	"box/engine/ident"
	"box/engine/lifecycle"
	"box/engine/refuse"
	"box/engine/state"
)

// link is a --link: another container on the default network, with an alias.
type link struct {
	to    *lifecycle.Container
	alias string
}

// links parses NAME[:ALIAS], and the form /NAME:/OWN/ALIAS that inspect shows.
func (e *Engine) links(specs []string) ([]link, error) {
	var list []link
	for _, spec := range specs {
		name, alias, ok := strings.Cut(spec, ":")
		if name == "" || ok && alias == "" || strings.Contains(alias, ":") {
			return nil, refuse.Invalid("bad format for links: %s", spec)
		}
		if !ok {
			alias = name
		}
		to, err := e.container(strings.TrimPrefix(name, "/"))
		if err != nil {
			return nil, refuse.Invalid("could not get container for %s: %v", name, err)
		}
		if to, err = e.networkOwner(to); err != nil {
			return nil, err
		}
		if to.Record().Host.NetworkMode.IsHost() {
			return nil, refuse.Invalid("conflicting options: host type networking can't be used with links. This would result " +
				"in undefined behavior")
		}
		list = append(list, link{to, path.Base(alias)})
	}
	return list, nil
}

// mostJoins limits the length of a chain of containers that each share the network of the next.
const mostJoins = 100

// networkOwner returns the container whose network c uses: itself, or the one that it joined.
func (e *Engine) networkOwner(c *lifecycle.Container) (*lifecycle.Container, error) {
	for range mostJoins {
		mode := c.Record().Host.NetworkMode
		if !mode.IsContainer() {
			return c, nil
		}
		var err error
		if c, err = e.container(mode.ConnectedContainer()); err != nil {
			return nil, err
		}
	}
	return nil, refuse.Invalid("container %s joins a network that leads back to it", ident.Short(c.ID()))
}

// linkedAs returns the container to which NAME/ALIAS links. e.mu is held.
func (e *Engine) linkedAs(name string) *lifecycle.Container {
	parent, alias, ok := strings.Cut(name, "/")
	c := e.containers[e.names[parent]]
	if !ok || c == nil {
		return nil
	}
	rec := c.Record()
	if i := rec.LinkIndex(alias); i >= 0 {
		return e.containers[rec.Links[i]]
	}
	return nil
}

// linkNames returns the names that containers have by links of others, by ID.
func (e *Engine) linkNames() map[string][]string {
	names := map[string][]string{}
	for _, c := range e.all() {
		rec := c.Record()
		for _, l := range e.linksOf(&rec) {
			id := l.to.ID()
			names[id] = append(names[id], "/"+rec.Name+"/"+l.alias)
		}
	}
	return names
}

// RemoveLink removes the link NAME/ALIAS, but neither container.
func (e *Engine) RemoveLink(_ context.Context, ref string) error {
	if _, err := e.container(ref); err != nil {
		return err
	}
	parent, alias, ok := strings.Cut(strings.TrimPrefix(ref, "/"), "/")
	if !ok {
		return refuse.Conflict("Conflict, cannot remove the default link name of the container")
	}
	c, err := e.container(parent)
	if err != nil {
		return err
	}
	c.Lock()
	defer c.Unlock()
	rec := c.Record()
	i := rec.LinkIndex(alias)
	if i < 0 || c.Gone() {
		return noSuchContainer(ref)
	}
	host := *rec.Host
	rec.Links, host.Links = slices.Delete(slices.Clone(rec.Links), i, i+1), slices.Delete(slices.Clone(host.Links), i, i+1)
	if len(host.Links) == 0 {
		host.Links = nil // as one that never had any
	}
	rec.Host = &host
	if err := e.db.Update(func(tx *state.Tx) error { return lifecycle.Records.Put(tx, rec.ID, rec) }); err != nil {
		return err
	}
	c.Reconfigure(func(r *lifecycle.Record) { r.Links, r.Host = rec.Links, rec.Host })
	if st, _ := c.Now(); !st.Running() {
		return nil
	}
	return replaceHost(filepath.Join(e.dir(rec.ID), "hosts"), alias, netip.Addr{})
}

// wantedLinks checks the links of a new container and normalizes them as inspect shows them.
func (e *Engine) wantedLinks(rec *lifecycle.Record) error {
	list, err := e.links(rec.Host.Links)
	if err != nil {
		return err
	}
	for _, l := range list {
		rec.Links = append(rec.Links, l.to.ID())
	}
	rec.Host.Links = showLinks(rec, list)
	return nil
}

// showLinks formats links as inspect shows them.
func showLinks(r *lifecycle.Record, list []link) (shown []string) {
	for _, l := range list {
		shown = append(shown, "/"+l.to.Record().Name+":/"+r.Name+"/"+l.alias)
	}
	return shown
}

// linksOf returns the links of a container by ID, without those to removed containers.
func (e *Engine) linksOf(rec *lifecycle.Record) (list []link) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	for i, id := range rec.Links {
		if to := e.containers[id]; to != nil && i < len(rec.Host.Links) {
			list = append(list, link{to, path.Base(rec.Host.Links[i])})
		}
	}
	return list
}

// shownHost returns a container's host configuration, with the current names in links.
func (e *Engine) shownHost(rec *lifecycle.Record) *api.HostConfig {
	if len(rec.Links) == 0 {
		return rec.Host
	}
	h := *rec.Host
	h.Links = showLinks(rec, e.linksOf(rec))
	return &h
}

// relink writes the address of a container that was started to the hosts files of running containers that link to it.
func (e *Engine) relink(c *lifecycle.Container) {
	rec := c.Record()
	st, _ := c.Now()
	address := e.defaultAddress(&rec, &st)
	if !address.IsValid() {
		return
	}
	for _, other := range e.all() {
		to := other.Record()
		if now, _ := other.Now(); !slices.Contains(to.Links, rec.ID) || !now.Running() {
			continue
		}
		for _, l := range e.linksOf(&to) {
			if l.to != c {
				continue
			}
			if err := replaceHost(filepath.Join(e.dir(to.ID), "hosts"), l.alias, address); err != nil {
				e.log.Warn("write the address of a linked container", "container", ident.Short(to.ID), "link", l.alias, "error",
					err)
			}
		}
	}
}

// linked returns what a container gets about those that it links to: lines of its hosts file, and environment
// variables.
func (e *Engine) linked(rec *lifecycle.Record) (hosts, env []string, err error) {
	if _, on := rec.Networks["bridge"]; !on { // on networks of one's own a link is a name that the resolver knows
		return nil, nil, nil
	}
	for _, l := range e.linksOf(rec) {
		to, st := l.to.Record(), lifecycle.Status{}
		st, _ = l.to.Now()
		full := "/" + rec.Name + "/" + l.alias
		if !st.Running() {
			return nil, nil, refuse.Invalid("Cannot link to a non running container: /%s AS %s", to.Name, full)
		}
		address := e.defaultAddress(&to, &st)
		if !address.IsValid() {
			return nil, nil, refuse.Invalid("Cannot link to /%s, as it does not belong to the default network", to.Name)
		}
		names := l.alias + " " + to.Config.Hostname
		if l.alias != to.Name {
			names += " " + to.Name
		}
		hosts = append(hosts, address.String()+"\t"+names)
		env = append(env, endpoint.LinkVariables(full, l.alias, address, &to)...)
	}
	return hosts, env, nil
}

// defaultAddress returns a container's address on the default network.
func (e *Engine) defaultAddress(rec *lifecycle.Record, st *lifecycle.Status) netip.Addr {
	if es := e.networkSettings(rec, st).Networks["bridge"]; es != nil {
		return es.IPAddress
	}
	return netip.Addr{}
}
