package suite

import (
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"
)

// served is a request whose body testdata/api/bodies.json has: Body with a valid value in every field that the API
// has, Least with those that are needed.
type served struct {
	Name, Path  string
	Least, Body map[string]any
}

// fieldCall is one request with one field spoilt.
type fieldCall struct {
	of                   *served
	field, variant, body string
}

// spoilt are the calls of one request, field by field.
func spoilt(s *served) (calls []fieldCall) {
	var walk func(place []string, v any)
	walk = func(place []string, v any) {
		field := strings.Join(place, ".")
		add := func(variant string, value any) {
			calls = append(calls, fieldCall{s, field, variant, s.with(place, value)})
		}
		add("valid", v)
		add("absent", absent)
		for _, k := range wrong(v) {
			add(k.variant, k.value)
		}
		switch v := v.(type) {
		case map[string]any:
			for _, k := range keysOf(v) {
				walk(append(slices.Clone(place), k), v[k])
			}
		case []any:
			for i := range v {
				if _, object := v[i].(map[string]any); object {
					walk(append(slices.Clone(place), fmt.Sprint(i)), v[i])
				}
			}
		}
	}
	for _, k := range keysOf(s.Body) {
		walk([]string{k}, s.Body[k])
	}
	return calls
}

type absentValue struct{}

var absent any = absentValue{}

type spoiling struct {
	variant string
	value   any
}

// wrong are the values that are no valid ones of v's type.
func wrong(v any) []spoiling {
	list := []spoiling{{"null", nil}}
	switch v := v.(type) {
	case string:
		return append(list, spoiling{"type", 5}, spoiling{"empty", ""}, spoiling{"range", "\x01:/no sense"})
	case float64:
		return append(list, spoiling{"type", "x"}, spoiling{"empty", 0}, spoiling{"below", -7},
			spoiling{"above", json.Number("99999999999999999999")}, spoiling{"fraction", 1.5})
	case bool:
		return append(list, spoiling{"type", "x"}, spoiling{"empty", false})
	case map[string]any:
		return append(list, spoiling{"type", "x"}, spoiling{"list", []any{}}, spoiling{"empty", map[string]any{}},
			spoiling{"range", map[string]any{"no sense": ""}})
	case []any:
		list = append(list, spoiling{"type", "x"}, spoiling{"object", map[string]any{}}, spoiling{"empty", []any{}},
			spoiling{"elements", []any{true}})
		if _, text := v[0].(string); text {
			list = append(list, spoiling{"range", []any{""}})
		}
	}
	return list
}

// with is a body with what is needed and the one field that the place begins with, which holds value there.
func (s *served) with(place []string, value any) string {
	body := map[string]any{}
	for k, v := range s.Least {
		body[k] = v
	}
	if place[0] == "HostConfig" && len(place) > 1 {
		body["HostConfig"] = map[string]any{place[1]: replaced(s.Body["HostConfig"].(map[string]any)[place[1]], place[2:],
			value)}
	} else {
		body[place[0]] = replaced(s.Body[place[0]], place[1:], value)
	}
	prune(body)
	raw, err := json.Marshal(body)
	if err != nil {
		panic(err) // of what was read from JSON
	}
	return string(raw)
}

// replaced is a copy of v with another value at a place in it. Of a list only the element on the way stays.
func replaced(v any, place []string, value any) any {
	if len(place) == 0 {
		return value
	}
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, inner := range v {
			out[k] = inner
		}
		out[place[0]] = replaced(v[place[0]], place[1:], value)
		return out
	case []any:
		var i int
		fmt.Sscan(place[0], &i)
		return []any{replaced(v[i], place[1:], value)}
	}
	return v
}

// prune takes out what is to be absent.
func prune(v any) {
	switch v := v.(type) {
	case map[string]any:
		for k, inner := range v {
			if inner == absent {
				delete(v, k)
				continue
			}
			prune(inner)
		}
	case []any:
		for _, inner := range v {
			prune(inner)
		}
	}
}

func keysOf(m map[string]any) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
