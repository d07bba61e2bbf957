package filter

import (
	"testing"

	apiregistry "github.com/moby/moby/api/types/registry"
)

func TestSearch(t *testing.T) {
	r := apiregistry.SearchResult{Name: "x", StarCount: 5, IsOfficial: true}
	for _, row := range []struct {
		f    Args
		fits bool
		bad  bool
	}{
		{nil, true, false},
		{Args{"stars": {"5"}}, true, false},
		{Args{"stars": {"6"}}, false, false},
		{Args{"is-official": {"true"}}, true, false},
		{Args{"is-official": {"false"}}, false, false},
		{Args{"is-automated": {"true"}}, false, false},
		{Args{"is-automated": {"false"}}, true, false},
		{Args{"stars": {"many"}}, false, true},
		{Args{"is-official": {"maybe"}}, false, true},
		{Args{"other": {"x"}}, false, true},
	} {
		fits, err := Search(row.f)
		if (err != nil) != row.bad || err == nil && fits(r) != row.fits {
			t.Errorf("%v: %v", row.f, err)
		}
	}
}
