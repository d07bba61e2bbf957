package client

import (
	"encoding/json"
	"net/url"
)

// Filters are the conditions of a list: key to the values that may match.
type Filters map[string][]string

// set encodes the filters as daemons have read them since 1.22: key to a map of value to true.
func (f Filters) set(q url.Values) {
	if len(f) == 0 {
		return
	}
	wire := map[string]map[string]bool{}
	for key, values := range f {
		wire[key] = map[string]bool{}
		for _, v := range values {
			wire[key][v] = true
		}
	}
	// maps of strings and booleans always encode
	raw, _ := json.Marshal(wire)
	q.Set("filters", string(raw))
}

func setBool(q url.Values, key string, v bool) {
	if v {
		q.Set(key, "1")
	}
}

func setString(q url.Values, key, v string) {
	if v != "" {
		q.Set(key, v)
	}
}
