package values

import (
	"fmt"
	"strings"

	"box/netapi/client"
)

// With returns a copy of the filters with one value added.
func With(f Filters, key, value string) client.Filters {
	out := client.Filters{}
	for k, v := range f {
		out[k] = v
	}
	out[key] = append([]string(nil), append(out[key], value)...)
	return out
}

// Filters are the values of --filter.
type Filters map[string][]string

// UnmarshalText adds one KEY=VALUE.
func (f *Filters) UnmarshalText(raw []byte) error {
	text := string(raw)
	key, value, ok := strings.Cut(text, "=")
	if !ok {
		return fmt.Errorf("bad format of filter (expected name=value)")
	}
	if *f == nil {
		*f = Filters{}
	}
	key = strings.ToLower(strings.TrimSpace(key))
	(*f)[key] = append((*f)[key], strings.TrimSpace(value))
	return nil
}
