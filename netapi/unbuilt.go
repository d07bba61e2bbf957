package netapi

import (
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/gorilla/mux"

	"box/netapi/wire"
)

// answer is an error whose text is sent to the client as it is.
type answer struct {
	class error
	text  string
}

func (a answer) Error() string { return a.text }
func (a answer) Unwrap() error { return a.class }

func unbuilt(text string) answer { return answer{errdefs.ErrNotImplemented, text} }

// refusal is an endpoint of Docker's API that is not supported. {name} in its path matches any text but "".
type refusal struct {
	methods, path string
	because       answer
}

// refusals returns the unsupported endpoints, which are matched after the routes. Those about swarms answer as a Docker
// node that is not in a swarm.
func refusals() []refusal {
	builds, plugins, swarm := unbuilt(wire.NoBuilds), unbuilt(wire.NoPlugins), unbuilt(wire.NoSwarm)
	outside := answer{errdefs.ErrUnavailable, wire.NotManager}
	list := []refusal{
		{"POST", "/build", builds},
		{"POST", "/build/cancel", builds},
		{"POST", "/session", builds},
		{"POST", "/grpc", builds},
		{"GET", "/plugins/privileges", plugins},
		{"POST", "/plugins/pull", plugins},
		{"POST", "/plugins/create", plugins},
		{"POST", "/plugins/{name}/upgrade", plugins},
		{"POST", "/swarm/init", swarm},
		{"POST", "/swarm/join", swarm},
		{"POST", "/swarm/leave", answer{errdefs.ErrUnavailable, wire.NotInSwarm}},
		{"POST", "/swarm/update", outside},
		{"POST", "/swarm/unlock", outside},
		{"GET", "/swarm/unlockkey", outside},
		{"GET", "/swarm", outside},
		{"GET", "/services/{name}/logs", outside},
		{"GET", "/tasks/{name}/logs", outside},
		{"GET", "/tasks/{name}", outside},
		{"GET", "/tasks", outside},
	}
	for _, noun := range []string{"nodes", "services", "secrets", "configs"} {
		list = append(list, refusal{"GET", "/" + noun, outside}, refusal{"POST", "/" + noun + "/{name}/update", outside},
			refusal{"GET DELETE", "/" + noun + "/{name}", outside})
		if noun != "nodes" {
			list = append(list, refusal{"POST", "/" + noun + "/create", outside})
		}
	}
	return list
}

// match tells whether the refusal applies to a request, and returns the text for {name}.
func (f *refusal) match(method, path string) (name string, ok bool) {
	if !strings.Contains(" "+f.methods+" ", " "+method+" ") {
		return "", false
	}
	before, after, named := strings.Cut(f.path, "{name}")
	if !named {
		return "", path == f.path
	}
	rest, begins := strings.CutPrefix(path, before)
	name, ends := strings.CutSuffix(rest, after)
	return name, begins && ends && name != ""
}

// lost handles requests that match no route: it says what is not supported, or that there is no such page.
func (s *Server) lost(w http.ResponseWriter, r *http.Request) {
	path, version := r.URL.Path, ""
	if rest, ok := strings.CutPrefix(path, "/v"); ok {
		if v, after, more := strings.Cut(rest, "/"); more && v != "" && strings.Trim(v, "0123456789.") == "" {
			version, path = v, "/"+after
		}
	}
	for _, f := range refusals() {
		if name, ok := f.match(r.Method, path); ok {
			refuse := func(*Server, http.ResponseWriter, *http.Request) error { return f.because }
			r = mux.SetURLVars(r, map[string]string{"version": version, "name": name})
			c := http.NewResponseController(w)
			_ = c.EnableFullDuplex() // the answer comes at once, and yet a client that sends all before it looks gets it
			s.wrap(&route{method: r.Method, path: f.path, do: refuse})(w, r)
			_ = c.Flush()
			_, _ = io.Copy(io.Discard, r.Body)
			return
		}
	}
	_ = wire.WriteError(w, http.StatusNotFound, "page not found", false)
}

// noCheckpoints answers as a Docker daemon that is not experimental. A client would take "page not found" for a daemon
// that is too old.
func (s *Server) noCheckpoints(http.ResponseWriter, *http.Request) error {
	return unbuilt(wire.NoCheckpoints)
}

// listPlugins returns an empty list, since some clients ask for plugins first.
func (s *Server) listPlugins(w http.ResponseWriter, _ *http.Request) error {
	return writeJSON(w, http.StatusOK, []struct{}{})
}

// noPlugin reports that a plugin does not exist. `docker inspect` goes on with the next kind only after this error.
func (s *Server) noPlugin(_ http.ResponseWriter, r *http.Request) error {
	return answer{errdefs.ErrNotFound, fmt.Sprintf("plugin %q not found", name(r))}
}
