package engine

import (
	"slices"
	"strconv"
	"strings"

	api "github.com/moby/moby/api/types/container"
)

// Filters are the --filter options of a request by key: values of one key are alternatives, keys restrict each other.
type Filters map[string][]string

func (f Filters) has(key string) bool { return len(f[key]) > 0 }

// check refuses a key that is not known.
func (f Filters) check(known []string) error {
	for key := range f {
		if !slices.Contains(known, key) {
			return invalid("invalid filter '%s'", key)
		}
	}
	return nil
}

// any tells whether one of key's values fits, or the key is not used.
func (f Filters) any(key string, fits func(string) bool) bool {
	return !f.has(key) || slices.ContainsFunc(f[key], fits)
}

// labels tells whether all of the label filters (name, or name=value) fit.
func (f Filters) labels(labels map[string]string) bool {
	for _, want := range f["label"] {
		name, value, hasValue := strings.Cut(want, "=")
		have, ok := labels[name]
		if !ok || hasValue && have != value {
			return false
		}
	}
	return true
}

// except tells whether all of the label! filters fit, which leaves a volume out of a prune.
func (f Filters) except(labels map[string]string) bool {
	return Filters{"label": f["label!"]}.labels(labels)
}

// boolean reads a filter that is true or false.
func (f Filters) boolean(key string) (value, asked bool, err error) {
	switch values := f[key]; {
	case len(values) == 0:
		return false, false, nil
	case len(values) == 1 && slices.Contains([]string{"1", "t", "T", "true", "True", "TRUE"}, values[0]):
		return true, true, nil
	case len(values) == 1 && slices.Contains([]string{"0", "f", "F", "false", "False", "FALSE"}, values[0]):
		return false, true, nil
	}
	return false, false, invalid("invalid filter '%s=%s'", key, f[key])
}

// listMatch is the test that the filters of `docker ps` make.
func (e *Engine) listMatch(f Filters) (func(*record, *status) bool, error) {
	for _, s := range f["status"] {
		if api.ValidateContainerState(api.ContainerState(s)) != nil {
			return nil, invalid("invalid filter 'status=%s'", s)
		}
	}
	for _, s := range f["health"] {
		if err := api.ValidateHealthStatus(api.HealthStatus(s)); err != nil {
			return nil, invalid("Unrecognised filter value for health: %s", s)
		}
	}
	for _, s := range f["exited"] {
		if _, err := strconv.Atoi(s); err != nil {
			return nil, invalid("invalid filter 'exited=%s'", s)
		}
	}
	bound := func(key string) (*record, error) {
		if !f.has(key) {
			return nil, nil
		}
		c, err := e.container(f[key][0])
		if err != nil {
			return nil, err
		}
		rec := c.snapshot()
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
	return func(rec *record, st *status) bool {
		return f.any("id", func(v string) bool { return strings.HasPrefix(rec.ID, v) }) &&
			f.any("name", func(v string) bool { return matchName(v, rec.Name) }) &&
			f.any("status", func(v string) bool { return string(st.State) == v }) &&
			f.any("exited", func(v string) bool {
				return st.State == api.StateExited && !st.Finished.IsZero() && strconv.Itoa(st.ExitCode) == v
			}) &&
			f.any("ancestor", func(v string) bool { return v == rec.Config.Image || ancestors[rec.Layer] || ancestors[rec.Image] }) &&
			f.any("network", func(v string) bool { return e.onNetwork(rec, v) }) &&
			f.any("volume", func(v string) bool { return hasMount(rec, v) }) &&
			f.any("publish", func(v string) bool { return hasPort(portSummaries(rec, st), v, true) }) &&
			f.any("expose", func(v string) bool { return hasPort(portSummaries(rec, st), v, false) }) &&
			f.any("health", func(v string) bool { return v == string(healthText(st)) }) &&
			f.any("is-task", func(v string) bool { return v == "false" || v == "0" }) &&
			f.labels(rec.Config.Labels) &&
			(before == nil || rec.Created.Before(before.Created)) &&
			(since == nil || rec.Created.After(since.Created))
	}, nil
}

// ancestors are the images that refs name, by ID and by the layer that they end in.
func (e *Engine) ancestors(refs []string) map[string]bool {
	set := map[string]bool{}
	for _, ref := range refs {
		if img, err := e.images.Resolve(ref); err == nil {
			set[img.ID.String()] = true
		}
	}
	return set
}

func (e *Engine) onNetwork(rec *record, ref string) bool {
	n, err := e.netRecordFor(ref)
	if err != nil {
		return false
	}
	_, on := rec.Networks[n.Name]
	return on
}

func hasMount(rec *record, v string) bool {
	return slices.ContainsFunc(rec.Mounts, func(m mountPoint) bool {
		return m.Name == v || m.Destination == v || m.Source == v
	})
}

// hasPort tells whether a port as "80", "80/tcp" or "8000-8010/udp" is among them.
func hasPort(ports []api.PortSummary, v string, public bool) bool {
	numbers, proto, ok := strings.Cut(v, "/")
	if !ok {
		proto = "tcp"
	}
	first, last := hostPorts(numbers)
	return slices.ContainsFunc(ports, func(p api.PortSummary) bool {
		n := p.PrivatePort
		if public {
			n = p.PublicPort
		}
		return p.Type == proto && n != 0 && n >= first && n <= last
	})
}
