// Package values reads what flags of several commands may say.
package values

import (
	"maps"
	"slices"
	"strings"
)

// SortedKeys are the keys of a map in order.
func SortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// AddPair puts KEY=VALUE into a map, which it makes where there is none.
func AddPair(m map[string]string, pair string) map[string]string {
	if m == nil {
		m = map[string]string{}
	}
	key, value, _ := strings.Cut(pair, "=")
	m[key] = value
	return m
}

// Listed splits values at commas: these flags take several in one.
func Listed(values []string) []string {
	var out []string
	for _, v := range values {
		out = append(out, strings.Split(v, ",")...)
	}
	return out
}

// Pairs makes a map of KEY=VALUE words; a word without "=" has an empty value.
func Pairs(words []string) map[string]string {
	m := make(map[string]string, len(words))
	for _, w := range words {
		key, value, _ := strings.Cut(w, "=")
		m[key] = value
	}
	return m
}

// PairsOrNil is the same, and nil for no words.
func PairsOrNil(words []string) map[string]string {
	if len(words) == 0 {
		return nil
	}
	return Pairs(words)
}
