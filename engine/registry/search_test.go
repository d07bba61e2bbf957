package registry

import (
	"net/http"
	"strings"
	"testing"
)

// TestSearch checks that the host in the term is asked, and that a host without an index gives an error that says so.
func TestSearch(t *testing.T) {
	f := newFake(t)
	f.before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/v1/search" {
			return false
		}
		if user, _, _ := r.BasicAuth(); r.URL.Query().Get("q") != "box" || r.URL.Query().Get("n") != "7" || user != "me" {
			t.Errorf("asked for %s by %q", r.URL.RawQuery, user)
		}
		_, _ = w.Write([]byte(`{"num_results":1,"results":[{"name":"a/box","star_count":3,"is_official":true,"description":"d"}]}`))
		return true
	}
	found, err := quick().Search(t.Context(), f.host()+"/box", 7, Auth{Username: "me"})
	if err != nil || len(found) != 1 || found[0].Name != "a/box" || found[0].StarCount != 3 || !found[0].IsOfficial {
		t.Errorf("%+v %v", found, err)
	}
	f.before = nil
	if _, err := quick().Search(t.Context(), f.host()+"/box", 7, Auth{}); err == nil ||
		!strings.Contains(err.Error(), "Unexpected status code 404") {
		t.Errorf("error %v", err)
	}
}
