package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
	api "github.com/moby/moby/api/types/container"
	apinetwork "github.com/moby/moby/api/types/network"
	"golang.org/x/sys/unix"

	"box/engine/ident"
	"box/engine/lifecycle"
	"box/engine/refuse"
	"box/engine/state"
)

// link is one --link: another container on the default network, which this one knows by an alias.
type link struct {
	to    *lifecycle.Container
	alias string
}

// links resolves NAME[:ALIAS] and the form /NAME:/OWN/ALIAS, which inspect shows.
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

// mostJoins bounds how many containers may each have the network of the next.
const mostJoins = 100

// networkOwner is the container whose network c has: itself, or the one that it joined.
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

// linkedAs is the container that another, by its name, links to under an alias: NAME/ALIAS. e.mu is held.
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

// linkNames are the names that containers have by the links of others, by the ID of who is linked to.
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

// RemoveLink takes away the link that NAME/ALIAS is, and leaves both containers.
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
		return refuse.NotFound("No such container: %s", ref)
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

// wantedLinks checks the links of a new container and brings them into the form that inspect shows.
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

// showLinks is the form that inspect has for links.
func showLinks(r *lifecycle.Record, list []link) (shown []string) {
	for _, l := range list {
		shown = append(shown, "/"+l.to.Record().Name+":/"+r.Name+"/"+l.alias)
	}
	return shown
}

// linksOf are the links of a container by their IDs, without those to containers that are gone.
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

// shownHost is a container's host configuration with its links by the names of today.
func (e *Engine) shownHost(rec *lifecycle.Record) *api.HostConfig {
	if len(rec.Links) == 0 {
		return rec.Host
	}
	h := *rec.Host
	h.Links = showLinks(rec, e.linksOf(rec))
	return &h
}

// relink writes the address of a container that has started into the hosts files of those that run and link to it.
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

// mostHosts is how long a hosts file may be that is read, bytes: a container may have written to it.
const mostHosts = 1 << 20

// replaceHost gives the line that has a name another address, or takes it away where that is the zero one. The file
// is written in place: it is mounted in a container.
func replaceHost(file, name string, address netip.Addr) error {
	f, err := os.OpenFile(file, os.O_RDWR|unix.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	old, err := io.ReadAll(io.LimitReader(f, mostHosts+1))
	if err != nil || len(old) > mostHosts {
		return errors.Join(err, errdefs.ErrOutOfRange)
	}
	var text []byte
	for line := range strings.Lines(string(old)) {
		if words := strings.Fields(line); len(words) > 1 && slices.Contains(words[1:], name) && words[0] != address.String() {
			if !address.IsValid() {
				continue
			}
			line = address.String() + strings.TrimPrefix(line, words[0])
		}
		text = append(text, line...)
	}
	if string(text) == string(old) {
		return nil
	}
	if _, err := f.WriteAt(text, 0); err != nil {
		return err
	}
	return f.Truncate(int64(len(text)))
}

// linked is what a container that starts learns of those that it links to: lines for its hosts file and variables.
func (e *Engine) linked(rec *lifecycle.Record) (hosts, env []string, err error) {
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
		env = append(env, linkVariables(full, l.alias, address, &to)...)
	}
	return hosts, env, nil
}

// defaultAddress is a container's address on the default network.
func (e *Engine) defaultAddress(rec *lifecycle.Record, st *lifecycle.Status) netip.Addr {
	if es := e.networkSettings(rec, st).Networks["bridge"]; es != nil {
		return es.IPAddress
	}
	return netip.Addr{}
}

// linkVariables are what programs of the time of links look for.
func linkVariables(full, alias string, address netip.Addr, to *lifecycle.Record) []string {
	prefix := strings.ReplaceAll(strings.ToUpper(alias), "-", "_")
	env := []string{prefix + "_NAME=" + full}
	ports := make([]apinetwork.Port, 0, len(to.Config.ExposedPorts))
	for p := range to.Config.ExposedPorts {
		ports = append(ports, p)
	}
	slices.SortFunc(ports, func(a, b apinetwork.Port) int {
		return cmp.Or(cmp.Compare(a.Num(), b.Num()), cmp.Compare(b.Proto(), a.Proto()))
	})
	for i, p := range ports {
		at := fmt.Sprintf("%s://%s:%d", p.Proto(), address, p.Num())
		if i == 0 {
			env = append(env, prefix+"_PORT="+at)
		}
		one := fmt.Sprintf("%s_PORT_%d_%s", prefix, p.Num(), strings.ToUpper(string(p.Proto())))
		env = append(env, one+"="+at, fmt.Sprintf("%s_ADDR=%s", one, address), fmt.Sprintf("%s_PORT=%d", one, p.Num()),
			fmt.Sprintf("%s_PROTO=%s", one, p.Proto()))
	}
	for _, v := range to.Config.Env {
		name, _, ok := strings.Cut(v, "=")
		if ok && name != "HOME" && name != "PATH" {
			env = append(env, prefix+"_ENV_"+v)
		}
	}
	return env
}
