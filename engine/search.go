package engine

import (
	"context"
	"strconv"
	"strings"

	apiregistry "github.com/moby/moby/api/types/registry"

	"box/engine/filter"
	"box/engine/refuse"
)

// Bounds of a search's results.
const (
	searchDefault = 25
	searchMost    = 100
)

// Search asks a registry for repositories; limit 0 is 25.
func (e *Engine) Search(ctx context.Context, term string, limit int, f filter.Args, auth apiregistry.AuthConfig) ([]apiregistry.SearchResult, error) {
	fits, err := searchMatch(f)
	if err != nil {
		return nil, err
	}
	if limit == 0 {
		limit = searchDefault
	}
	if limit < 1 || limit > searchMost {
		return nil, refuse.Invalid("limit %d is outside the range of [1, %d]", limit, searchMost)
	}
	found, err := e.registry.Load().Search(ctx, term, limit, auth)
	if err != nil {
		return nil, err
	}
	out := []apiregistry.SearchResult{}
	for _, r := range found {
		if fits(r) {
			out = append(out, r)
		}
	}
	return out, nil
}

// searchMatch is the test that the filters of `docker search` make. Nothing is automated any more.
func searchMatch(f filter.Args) (func(apiregistry.SearchResult) bool, error) {
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
