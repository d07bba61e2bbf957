// Package filter implements the --filter options of lists, prunes and events, and parses their times and names.
package filter

import (
	"slices"
	"strings"

	"box/engine/refuse"
)

// Args are filters by key. The values of a key are alternatives; several keys must all match.
type Args map[string][]string

// Has tells whether a key is given.
func (f Args) Has(key string) bool { return len(f[key]) > 0 }

// Check refuses unknown keys.
func (f Args) Check(known []string) error {
	for key := range f {
		if !slices.Contains(known, key) {
			return refuse.Invalid("invalid filter '%s'", key)
		}
	}
	return nil
}

// Any tells whether one of key's values matches, or the key is not given.
func (f Args) Any(key string, fits func(string) bool) bool {
	return !f.Has(key) || slices.ContainsFunc(f[key], fits)
}

// Labels tells whether labels match all values of label, each a name or name=value, and not all those of label!.
func (f Args) Labels(labels map[string]string) bool {
	return haveAll(labels, f["label"]) && (!f.Has("label!") || !haveAll(labels, f["label!"]))
}

// Annotations tells whether annotations match all values of annotation, each a name or name=value.
func (f Args) Annotations(annotations map[string]string) bool {
	return haveAll(annotations, f["annotation"])
}

// haveAll tells whether labels contain all of wanted, by name or as name=value.
func haveAll(labels map[string]string, wanted []string) bool {
	for _, want := range wanted {
		name, value, hasValue := strings.Cut(want, "=")
		have, ok := labels[name]
		if !ok || hasValue && have != value {
			return false
		}
	}
	return true
}

// Bool parses a filter that is true or false.
func (f Args) Bool(key string) (value, asked bool, err error) {
	switch values := f[key]; {
	case len(values) == 0:
		return false, false, nil
	case len(values) == 1 && slices.Contains([]string{"1", "t", "T", "true", "True", "TRUE"}, values[0]):
		return true, true, nil
	case len(values) == 1 && slices.Contains([]string{"0", "f", "F", "false", "False", "FALSE"}, values[0]):
		return false, true, nil
	}
	return false, false, refuse.Invalid("invalid filter '%s=%s'", key, f[key])
}
