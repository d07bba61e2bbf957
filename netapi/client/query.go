package client

import (
	"encoding/json"
	"net/url"
)

// Filters map the keys of filters to the accepted values.
type Filters map[string][]string

// set encodes the filters in the form that daemons accept since API 1.22: a map from values to true for each key.
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
	// cannot fail for strings and booleans
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
