package filter

import (
	"slices"
	"strings"

	"github.com/moby/moby/api/types/events"
)

// objects are the types of events, each of which is a filter, too.
var objects = []events.Type{
	events.ConfigEventType, events.ContainerEventType, events.DaemonEventType, events.ImageEventType,
	events.NetworkEventType, events.NodeEventType,
	events.PluginEventType, events.SecretEventType, events.ServiceEventType, events.VolumeEventType,
}

// Events returns the test of the filters of `docker events`. Unknown filters are ignored, as in Docker.
func Events(f Args) func(events.Message) bool {
	return func(m events.Message) bool {
		if !f.Any("event", func(v string) bool { return matchAction(v, string(m.Action)) }) ||
			!f.Any("type", func(v string) bool { return v == string(m.Type) }) ||
			!f.Any("scope", func(v string) bool { return v == m.Scope }) ||
			!(Args{"label": f["label"]}).Labels(m.Actor.Attributes) {
			return false
		}
		for _, kind := range objects {
			key := string(kind)
			if f.Has(key) && !slices.ContainsFunc(f[key], func(v string) bool { return concerns(&m, kind, v) }) {
				return false
			}
		}
		return true
	}
}

// matchAction compares actions. An action such as exec_start may have more text after a colon.
func matchAction(want, action string) bool {
	return want == action || strings.HasPrefix(action, want+":")
}

// concerns tells whether m is about an object of a type whose ID or name starts with ref. An image has to be named
// completely, with or without its tag, and also matches events of its containers.
func concerns(m *events.Message, kind events.Type, ref string) bool {
	a := m.Actor.Attributes
	if kind != events.ImageEventType {
		return m.Type == kind && (strings.HasPrefix(m.Actor.ID, ref) || strings.HasPrefix(a["name"], ref))
	}
	var names []string
	switch m.Type {
	case events.ImageEventType:
		names = []string{m.Actor.ID, a["name"]}
	case events.ContainerEventType:
		names = []string{a["image"]}
	}
	return slices.ContainsFunc(names, func(name string) bool {
		return name == ref || strings.HasPrefix(name, ref+":") || strings.HasPrefix(name, ref+"@")
	})
}
