package engine

import (
	"slices"
	"strings"

	"github.com/moby/moby/api/types/events"
)

// eventFilters are the keys that EventMatch knows.
var eventFilters = []string{
	"config", "container", "daemon", "event", "image", "label", "network", "node", "plugin", "scope", "secret", "service",
	"type", "volume",
}

// EventMatch is the test that the filters of `docker events` make.
func (e *Engine) EventMatch(f Filters) (func(events.Message) bool, error) {
	if err := f.check(eventFilters); err != nil {
		return nil, err
	}
	return func(m events.Message) bool {
		if !f.any("event", func(v string) bool { return matchAction(v, string(m.Action)) }) ||
			!f.any("type", func(v string) bool { return v == string(m.Type) }) ||
			!f.any("scope", func(v string) bool { return v == m.Scope }) ||
			!f.labels(m.Actor.Attributes) {
			return false
		}
		for _, kind := range []events.Type{events.ContainerEventType, events.ImageEventType, events.NetworkEventType, events.VolumeEventType, events.DaemonEventType} {
			key := string(kind)
			if f.has(key) && !slices.ContainsFunc(f[key], func(v string) bool { return concerns(&m, kind, v) }) {
				return false
			}
		}
		return true
	}, nil
}

// matchAction: an action may carry more behind a colon, as exec_start does.
func matchAction(want, action string) bool {
	return want == action || strings.HasPrefix(action, want+":")
}

// concerns tells whether m is of an object of that kind and name.
func concerns(m *events.Message, kind events.Type, ref string) bool {
	a := m.Actor.Attributes
	if kind == events.ImageEventType && m.Type == events.ContainerEventType {
		return a["image"] == ref || strings.HasPrefix(a["image"], ref+":")
	}
	if m.Type != kind {
		return false
	}
	name := a["name"]
	return m.Actor.ID == ref || name == ref || strings.HasPrefix(m.Actor.ID, ref) && len(ref) >= 1 ||
		kind == events.ImageEventType && (strings.HasPrefix(name, ref+":") || strings.HasPrefix(m.Actor.ID, ref+":"))
}
