package netapi

import (
	"net/http/httptest"
	"regexp"
	"testing"

	"github.com/gorilla/mux"
)

// TestRoutes asks for every route, with and without a version and with names that look like others: it is found and
// has its names.
func TestRoutes(t *testing.T) {
	router := (&Server{}).routes()
	variable := regexp.MustCompile(`{(\w+):[^}]*}|{(\w+)}`)
	for _, r := range table {
		for _, name := range []string{"web", "json", "a/b:c"} {
			for _, version := range []string{"", "/v1.44"} {
				path := version + variable.ReplaceAllString(r.path, name)
				var match mux.RouteMatch
				if !router.Match(httptest.NewRequest(r.method, path, nil), &match) || match.Route == nil {
					t.Errorf("%s %s: no route", r.method, path)
					continue
				}
				if got := match.Vars["version"]; "/v"+got != version && got != "" {
					t.Errorf("%s %s: version %q", r.method, path, got)
				}
				for _, v := range variable.FindAllStringSubmatch(r.path, -1) {
					if got := match.Vars[v[1]+v[2]]; name == "web" && got != name {
						t.Errorf("%s %s: %s is %q", r.method, path, v[0], got)
					}
				}
			}
		}
	}
	for _, q := range [][2]string{{"GET", "/none"}, {"PUT", "/containers/create"}, {"GET", "/containers/web/start"},
		{"POST", "/v1.44/containers/web"}} {
		var match mux.RouteMatch
		router.Match(httptest.NewRequest(q[0], q[1], nil), &match)
		if match.Route != nil {
			t.Errorf("%s %s is taken", q[0], q[1])
		}
	}
}
