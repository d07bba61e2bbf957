// Package values parses values of flags that several commands share.
package values

import (
	"maps"
	"slices"
	"strings"
)

// SortedKeys returns the keys of a map in order.
func SortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// AddPair adds KEY=VALUE to a map, which may be nil.
func AddPair(m map[string]string, pair string) map[string]string {
	if m == nil {
		m = map[string]string{}
	}
	key, value, _ := strings.Cut(pair, "=")
	m[key] = value
	return m
}

// Listed splits values at commas, for flags that accept lists.
func Listed(values []string) []string {
	var out []string
	for _, v := range values {
		out = append(out, strings.Split(v, ",")...)
	}
	return out
}

// Pairs makes a map from KEY=VALUE texts; a text without "=" has an empty value.
func Pairs(words []string) map[string]string {
	m := make(map[string]string, len(words))
	for _, w := range words {
		key, value, _ := strings.Cut(w, "=")
		m[key] = value
	}
	return m
}

// PairsOrNil is Pairs, but returns nil instead of an empty map.
func PairsOrNil(words []string) map[string]string {
	if len(words) == 0 {
		return nil
	}
	return Pairs(words)
}
