package endpoint

import (
	"net/netip"
	"path"
	"slices"
	"strings"

	apinetwork "github.com/moby/moby/api/types/network"

	"box/engine/ident"
	"box/engine/lifecycle"
	"box/engine/network"
	"box/engine/network/catalog"
	"box/engine/task"
)

// Names returns the names by which others on a network find a container, the first one for the way back from its
// address: its name, its aliases, its short ID, and its host name.
func Names(rec *lifecycle.Record, s *apinetwork.EndpointSettings) (names []string) {
	all := []string{rec.Name}
	if s != nil {
		all = append(all, s.Aliases...)
	}
	for _, n := range append(all, ident.Short(rec.ID), rec.Config.Hostname) {
		if n != "" && !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	return names
}

// Named tells whether containers find each other by name on a network.
func Named(n *catalog.Record) bool { return n.Linked() && !n.Predefined() }

// Host is what the zone of a network has about an endpoint on it.
func Host(rec *lifecycle.Record, s *apinetwork.EndpointSettings, ep network.Endpoint) task.Host {
	return task.Host{Endpoint: ep.ID, Names: Names(rec, s), Addresses: Addresses(ep)}
}

// Addresses returns the addresses of an endpoint that others use.
func Addresses(ep network.Endpoint) (list []netip.Addr) {
	for _, p := range []netip.Prefix{ep.Address, ep.Address6} {
		if p.IsValid() {
			list = append(list, p.Addr())
		}
	}
	return list
}

// Links returns the names that a container alone knows, by --link, for names of others. name gives the present name of
// the container with that ID or name.
func Links(rec *lifecycle.Record, list []Place, name func(string) string) map[string]string {
	links := map[string]string{}
	for i, l := range rec.Host.Links { // as inspect shows them, /NAME:/OWN/ALIAS
		if i < len(rec.Links) {
			links[path.Base(l)] = name(rec.Links[i])
		}
	}
	for _, p := range list {
		if p.Want == nil {
			continue
		}
		for _, l := range p.Want.Links {
			to, alias, ok := strings.Cut(l, ":")
			if !ok {
				alias = to
			}
			links[path.Base(alias)] = name(strings.TrimPrefix(to, "/"))
		}
	}
	if len(links) == 0 {
		return nil
	}
	return links
}

// Order returns the networks whose zones are asked, in that order: the gateway's first, then by name.
func Order(list []Place) (ids []string) {
	four, six := Gateways(list)
	sorted := slices.Clone(list)
	slices.SortFunc(sorted, func(a, b Place) int { return strings.Compare(a.Network.Name, b.Network.Name) })
	for _, first := range []bool{true, false} {
		for _, p := range sorted {
			id := p.Network.ID
			if Named(p.Network) && (id == four || id == six) == first {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// Cut off tells whether none of the networks leads out, so that nobody outside is to be asked for names.
func CutOff(list []Place) bool {
	four, six := Gateways(list)
	return four == "" && six == ""
}
