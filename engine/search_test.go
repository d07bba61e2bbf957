package engine

import (
	"testing"

	apiregistry "github.com/moby/moby/api/types/registry"
)

func TestSearchMatch(t *testing.T) {
	r := apiregistry.SearchResult{Name: "x", StarCount: 5, IsOfficial: true}
	for _, row := range []struct {
		f    Filters
		fits bool
		bad  bool
	}{
		{nil, true, false},
		{Filters{"stars": {"5"}}, true, false},
		{Filters{"stars": {"6"}}, false, false},
		{Filters{"is-official": {"true"}}, true, false},
		{Filters{"is-official": {"false"}}, false, false},
		{Filters{"is-automated": {"true"}}, false, false},
		{Filters{"is-automated": {"false"}}, true, false},
		{Filters{"stars": {"many"}}, false, true},
		{Filters{"is-official": {"maybe"}}, false, true},
		{Filters{"other": {"x"}}, false, true},
	} {
		fits, err := searchMatch(row.f)
		if (err != nil) != row.bad || err == nil && fits(r) != row.fits {
			t.Errorf("%v: %v", row.f, err)
		}
	}
}
