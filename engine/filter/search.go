package filter

import (
	"strconv"
	"strings"

	apiregistry "github.com/moby/moby/api/types/registry"

	"box/engine/refuse"
)

// Search returns the test of the filters of `docker search`. is-automated never matches, because registries do not
// report it any more.
func Search(f Args) (func(apiregistry.SearchResult) bool, error) {
	if err := f.Check([]string{"is-automated", "is-official", "stars"}); err != nil {
		return nil, err
	}
	flags := map[string]bool{}
	for _, key := range []string{"is-automated", "is-official"} {
		for _, v := range f[key] {
			on, err := strconv.ParseBool(strings.ToLower(v))
			if err != nil {
				return nil, refuse.Invalid("invalid filter '%s=[%s]'", key, v)
			}
			flags[key] = on
		}
	}
	stars := 0
	for _, v := range f["stars"] {
		n, err := strconv.Atoi(v)
		if err != nil {
			return nil, refuse.Invalid("invalid filter 'stars=[%s]'", v)
		}
		stars = max(stars, n)
	}
	return func(r apiregistry.SearchResult) bool {
		official, asked := flags["is-official"]
		return !flags["is-automated"] && (!asked || official == r.IsOfficial) && r.StarCount >= stars
	}, nil
}
