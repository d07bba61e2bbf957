package engine

import (
	"slices"
	"strconv"
	"strings"

	api "github.com/moby/moby/api/types/container"
	"github.com/opencontainers/go-digest"

	"box/engine/filter"
	"box/engine/lifecycle"
	"box/engine/refuse"
	"box/engine/request"
)

// listMatch returns the test of the filters of `docker ps`.
func (e *Engine) listMatch(f filter.Args) (func(*lifecycle.Record, *lifecycle.Status) bool, error) {
	for _, s := range f["status"] {
		if api.ValidateContainerState(api.ContainerState(s)) != nil {
			return nil, refuse.Invalid("invalid filter 'status=%s'", s)
		}
	}
	for _, s := range f["health"] {
		if err := api.ValidateHealthStatus(api.HealthStatus(s)); err != nil {
			return nil, refuse.Invalid("Unrecognised filter value for health: %s", s)
		}
	}
	for _, s := range f["exited"] {
		if _, err := strconv.Atoi(s); err != nil {
			return nil, refuse.Invalid("invalid filter 'exited=%s'", s)
		}
	}
	for _, key := range []string{"publish", "expose"} {
		for _, s := range f[key] {
			if !filter.ValidPorts(s) {
				return nil, refuse.Invalid("error while looking up for %s %s: invalid port", key, s)
			}
		}
	}
	isTask, asksTask, err := f.Bool("is-task")
	if err != nil {
		return nil, err
	}
	bound := func(key string) (*lifecycle.Record, error) {
		if !f.Has(key) {
			return nil, nil
		}
		c, err := e.container(f[key][0])
		if err != nil {
			return nil, err
		}
		rec := c.Record()
		return &rec, nil
	}
	before, err := bound("before")
	if err != nil {
		return nil, err
	}
	since, err := bound("since")
	if err != nil {
		return nil, err
	}
	ancestors := e.ancestors(f["ancestor"])
	return func(rec *lifecycle.Record, st *lifecycle.Status) bool {
		return f.Any("id", func(v string) bool { return strings.HasPrefix(rec.ID, v) }) &&
			f.Any("name", func(v string) bool { return filter.Name(v, rec.Name) }) &&
			f.Any("status", func(v string) bool { return string(st.State) == v }) &&
			f.Any("exited", func(v string) bool {
				return st.State == api.StateExited && !st.Finished.IsZero() && strconv.Itoa(st.ExitCode) == v
			}) &&
			(!f.Has("ancestor") || e.descends(rec, f["ancestor"], ancestors)) &&
			f.Any("isolation", func(v string) bool { return v == "default" }) &&
			f.Any("network", func(v string) bool { return e.onNetwork(rec, v) }) &&
			f.Any("volume", func(v string) bool { return hasMount(rec, v) }) &&
			f.Any("publish", func(v string) bool { return filter.HasPort(portSummaries(rec, st), v, true) }) &&
			f.Any("expose", func(v string) bool { return filter.HasPort(portSummaries(rec, st), v, false) }) &&
			f.Any("health", func(v string) bool { return v == string(st.HealthStatus()) }) &&
			!(asksTask && isTask) && // there is no swarm
			f.Labels(rec.Config.Labels) &&
			f.Annotations(rec.Host.Annotations) &&
			(before == nil || rec.Created.Before(before.Created)) &&
			(since == nil || rec.Created.After(since.Created))
	}, nil
}

// ancestors returns the images that refs name.
func (e *Engine) ancestors(refs []string) map[digest.Digest]bool {
	set := map[digest.Digest]bool{}
	for _, ref := range refs {
		if id, err := e.images.Lookup(ref); err == nil {
			set[id] = true
		}
	}
	return set
}

// descends tells whether a container's image is one of those named, or was made from one.
func (e *Engine) descends(rec *lifecycle.Record, names []string, ancestors map[digest.Digest]bool) bool {
	if slices.Contains(names, rec.Config.Image) {
		return true
	}
	for id := digest.Digest(rec.Image); id != ""; id = e.images.Parent(id) {
		if ancestors[id] {
			return true
		}
	}
	return false
}

func (e *Engine) onNetwork(rec *lifecycle.Record, ref string) bool {
	n, err := e.nets.Find(ref)
	if err != nil {
		return false
	}
	_, on := rec.Networks[n.Name]
	return on
}

func hasMount(rec *lifecycle.Record, v string) bool {
	return slices.ContainsFunc(rec.Mounts, func(m request.Mount) bool {
		return m.Name == v || m.Destination == v || m.Source == v
	})
}
