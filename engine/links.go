package engine

import (
	"cmp"
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strings"

	apinetwork "github.com/moby/moby/api/types/network"
)

// link is one --link: another container on the default network, which this one knows by an alias.
type link struct {
	to    *container
	alias string
}

// links resolves NAME[:ALIAS] and the form /NAME:/OWN/ALIAS, which inspect shows.
func (e *Engine) links(specs []string) ([]link, error) {
	var list []link
	for _, spec := range specs {
		name, alias, ok := strings.Cut(spec, ":")
		if name == "" || ok && alias == "" || strings.Contains(alias, ":") {
			return nil, invalid("bad format for links: %s", spec)
		}
		if !ok {
			alias = name
		}
		to, err := e.container(strings.TrimPrefix(name, "/"))
		if err != nil {
			return nil, invalid("could not get container for %s: %v", name, err)
		}
		if to.snapshot().Host.NetworkMode.IsHost() {
			return nil, invalid("conflicting options: host type networking can't be used with links. This would result in undefined behavior")
		}
		list = append(list, link{to, path.Base(alias)})
	}
	return list, nil
}

// wantedLinks checks the links of a new container and brings them into the form that inspect shows.
func (e *Engine) wantedLinks(rec *record) error {
	list, err := e.links(rec.Host.Links)
	if err != nil {
		return err
	}
	rec.Host.Links = nil
	for _, l := range list {
		rec.Host.Links = append(rec.Host.Links, "/"+l.to.snapshot().Name+":/"+rec.Name+"/"+l.alias)
	}
	return nil
}

// linked is what a container that starts learns of those that it links to: lines for its hosts file and variables.
func (e *Engine) linked(rec *record) (hosts, env []string, err error) {
	list, err := e.links(rec.Host.Links)
	if err != nil {
		return nil, nil, err
	}
	for _, l := range list {
		to, st := l.to.snapshot(), status{}
		st, _ = l.to.now()
		full := "/" + rec.Name + "/" + l.alias
		if !st.running() {
			return nil, nil, invalid("Cannot link to a non running container: /%s AS %s", to.Name, full)
		}
		address := e.defaultAddress(&to, &st)
		if !address.IsValid() {
			return nil, nil, invalid("Cannot link to /%s, as it does not belong to the default network", to.Name)
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
func (e *Engine) defaultAddress(rec *record, st *status) netip.Addr {
	if es := e.networkSettings(rec, st).Networks["bridge"]; es != nil {
		return es.IPAddress
	}
	return netip.Addr{}
}

// linkVariables are what programs of the time of links look for.
func linkVariables(full, alias string, address netip.Addr, to *record) []string {
	prefix := strings.ReplaceAll(strings.ToUpper(alias), "-", "_")
	env := []string{prefix + "_NAME=" + full}
	ports := make([]apinetwork.Port, 0, len(to.Config.ExposedPorts))
	for p := range to.Config.ExposedPorts {
		ports = append(ports, p)
	}
	slices.SortFunc(ports, func(a, b apinetwork.Port) int {
		return cmp.Or(cmp.Compare(a.Num(), b.Num()), strings.Compare(string(b.Proto()), string(a.Proto())))
	})
	for i, p := range ports {
		at := fmt.Sprintf("%s://%s:%d", p.Proto(), address, p.Num())
		if i == 0 {
			env = append(env, prefix+"_PORT="+at)
		}
		one := fmt.Sprintf("%s_PORT_%d_%s", prefix, p.Num(), strings.ToUpper(string(p.Proto())))
		env = append(env, one+"="+at, fmt.Sprintf("%s_ADDR=%s", one, address), fmt.Sprintf("%s_PORT=%d", one, p.Num()), fmt.Sprintf("%s_PROTO=%s", one, p.Proto()))
	}
	for _, v := range to.Config.Env {
		name, _, ok := strings.Cut(v, "=")
		if ok && name != "HOME" && name != "PATH" {
			env = append(env, prefix+"_ENV_"+v)
		}
	}
	return env
}
