package engine

import (
	"testing"

	apiregistry "github.com/moby/moby/api/types/registry"

	"box/engine/filter"
)

func TestSearchMatch(t *testing.T) {
	r := apiregistry.SearchResult{Name: "x", StarCount: 5, IsOfficial: true}
	for _, row := range []struct {
		f    filter.Args
		fits bool
		bad  bool
	}{
		{nil, true, false},
		{filter.Args{"stars": {"5"}}, true, false},
		{filter.Args{"stars": {"6"}}, false, false},
		{filter.Args{"is-official": {"true"}}, true, false},
		{filter.Args{"is-official": {"false"}}, false, false},
		{filter.Args{"is-automated": {"true"}}, false, false},
		{filter.Args{"is-automated": {"false"}}, true, false},
		{filter.Args{"stars": {"many"}}, false, true},
		{filter.Args{"is-official": {"maybe"}}, false, true},
		{filter.Args{"other": {"x"}}, false, true},
	} {
		fits, err := searchMatch(row.f)
		if (err != nil) != row.bad || err == nil && fits(r) != row.fits {
			t.Errorf("%v: %v", row.f, err)
		}
	}
}
