package netapi

import (
	"context"
	"net/http"
	"strings"

	"github.com/gorilla/mux"
)

// route is a row of the table.
type route struct {
	method, path string
	do           handler
}

// whole runs a handler to its end even if its client disconnects. As in Docker, a half-done change is worse than one
// that nobody waits for.
func whole(do handler) handler {
	return func(s *Server, w http.ResponseWriter, r *http.Request) error {
		return do(s, w, r.WithContext(context.WithoutCancel(r.Context())))
	}
}

// table lists all routes in the order in which they are matched. Names of images may contain slashes.
var table = []route{
	{"HEAD", "/_ping", (*Server).ping},
	{"GET", "/_ping", (*Server).ping},
	{"GET", "/version", (*Server).versionInfo},
	{"GET", "/info", (*Server).info},
	{"GET", "/events", (*Server).events},
	{"GET", "/system/df", (*Server).diskUsage},
	{"GET", "/monitor", (*Server).monitor}, // box's own, as the next two
	{"GET", "/monitor/history", (*Server).monitorHistory},
	{"POST", "/system/migrate", (*Server).migrate},
	{"POST", "/auth", (*Server).login},
	{"GET", "/distribution/{name:.*}/json", (*Server).inspectDistribution},

	// these come before the routes in which a name may contain slashes
	{"GET", "/containers/{name:.*}/checkpoints", (*Server).noCheckpoints},
	{"POST", "/containers/{name:.*}/checkpoints", (*Server).noCheckpoints},
	{"DELETE", "/containers/{name:.*}/checkpoints/{checkpoint}", (*Server).noCheckpoints},

	{"GET", "/containers/json", (*Server).listContainers},
	{"GET", "/containers/{name:.*}/json", (*Server).inspectContainer},
	{"GET", "/containers/{name:.*}/logs", (*Server).containerLogs},
	{"GET", "/containers/{name:.*}/attach/ws", (*Server).attachWebSocket},
	{"GET", "/containers/{name:.*}/changes", (*Server).containerChanges},
	{"GET", "/containers/{name:.*}/stats", (*Server).containerStats},
	{"GET", "/containers/{name:.*}/top", (*Server).containerTop},
	{"GET", "/containers/{name:.*}/export", (*Server).exportContainer},
	{"HEAD", "/containers/{name:.*}/archive", (*Server).statArchive},
	{"GET", "/containers/{name:.*}/archive", (*Server).getArchive},
	{"PUT", "/containers/{name:.*}/archive", (*Server).putArchive},
	{"POST", "/containers/create", whole((*Server).createContainer)},
	{"POST", "/containers/prune", (*Server).pruneContainers},
	{"POST", "/containers/{name:.*}/start", whole((*Server).startContainer)},
	{"POST", "/containers/{name:.*}/stop", whole((*Server).stopContainer)},
	{"POST", "/containers/{name:.*}/kill", whole((*Server).killContainer)},
	{"POST", "/containers/{name:.*}/restart", whole((*Server).restartContainer)},
	{"POST", "/containers/{name:.*}/pause", whole((*Server).pauseContainer)},
	{"POST", "/containers/{name:.*}/unpause", whole((*Server).unpauseContainer)},
	{"POST", "/containers/{name:.*}/wait", (*Server).waitContainer},
	{"POST", "/containers/{name:.*}/resize", (*Server).resizeContainer},
	{"POST", "/containers/{name:.*}/attach", (*Server).attachContainer},
	{"POST", "/containers/{name:.*}/rename", whole((*Server).renameContainer)},
	{"POST", "/containers/{name:.*}/update", whole((*Server).updateContainer)},
	{"POST", "/containers/{name:.*}/exec", (*Server).createExec},
	{"DELETE", "/containers/{name:.*}", whole((*Server).removeContainer)},
	{"POST", "/commit", whole((*Server).commitContainer)},

	{"GET", "/exec/{id:.*}/json", (*Server).inspectExec},
	{"POST", "/exec/{name:.*}/start", (*Server).startExec},
	{"POST", "/exec/{name:.*}/resize", (*Server).resizeExec},

	{"GET", "/images/json", (*Server).listImages},
	{"GET", "/images/search", (*Server).searchImages},
	{"GET", "/images/get", (*Server).saveImages},
	{"GET", "/images/{name:.*}/get", (*Server).saveImages},
	{"GET", "/images/{name:.*}/history", (*Server).imageHistory},
	{"GET", "/images/{name:.*}/json", (*Server).inspectImage},
	{"GET", "/images/{name:.*}/attestations", (*Server).imageAttestations},
	{"POST", "/images/create", (*Server).createImage},
	{"POST", "/images/load", (*Server).loadImages},
	{"POST", "/images/prune", (*Server).pruneImages},
	{"POST", "/images/{name:.*}/push", (*Server).pushImage},
	{"POST", "/images/{name:.*}/tag", whole((*Server).tagImage)},
	{"DELETE", "/images/{name:.*}", whole((*Server).removeImage)},

	{"GET", "/volumes", (*Server).listVolumes},
	{"GET", "/volumes/{name:.*}", (*Server).inspectVolume},
	{"POST", "/volumes/create", whole((*Server).createVolume)},
	{"POST", "/volumes/prune", (*Server).pruneVolumes},
	{"PUT", "/volumes/{name:.*}", (*Server).updateVolume},
	{"DELETE", "/volumes/{name:.*}", whole((*Server).removeVolume)},

	{"POST", "/networks/prune", (*Server).pruneNetworks},
	{"POST", "/build/prune", (*Server).pruneBuilds},
	{"GET", "/networks", (*Server).listNetworks},
	{"GET", "/networks/", (*Server).listNetworks},
	{"POST", "/networks/create", (*Server).createNetwork},
	{"POST", "/networks/{name:.+}/connect", (*Server).connectNetwork},
	{"POST", "/networks/{name:.+}/disconnect", (*Server).disconnectNetwork},
	{"GET", "/networks/{id:.+}", (*Server).inspectNetwork},
	{"DELETE", "/networks/{name:.+}", (*Server).removeNetwork},

	{"GET", "/plugins", (*Server).listPlugins},
	{"GET", "/plugins/{name:.+}/json", (*Server).noPlugin},
	{"POST", "/plugins/{name:.+}/enable", (*Server).noPlugin},
	{"POST", "/plugins/{name:.+}/disable", (*Server).noPlugin},
	{"POST", "/plugins/{name:.+}/push", (*Server).noPlugin},
	{"POST", "/plugins/{name:.+}/set", (*Server).noPlugin},
	{"DELETE", "/plugins/{name:.+}", (*Server).noPlugin},
}

// possible is a cheap check that avoids most of the router's regular expressions. It never rejects a request that the
// route matches.
func (r *route) possible() mux.MatcherFunc {
	end := r.path[strings.LastIndex(r.path, "}")+1:]
	return func(q *http.Request, _ *mux.RouteMatch) bool {
		return q.Method == r.method && strings.HasSuffix(q.URL.Path, end)
	}
}

// routes makes the router. Each path may have a version as prefix.
func (s *Server) routes() *mux.Router {
	m := mux.NewRouter()
	for _, r := range table {
		h, may := s.wrap(&r), r.possible()
		m.MatcherFunc(may).Path("/v{version:[0-9.]+}" + r.path).Methods(r.method).HandlerFunc(h)
		m.MatcherFunc(may).Path(r.path).Methods(r.method).HandlerFunc(h)
	}
	m.Path("/debug/vars").Methods("GET").HandlerFunc(s.debug(vars))
	m.Path("/debug/pprof/{name:.*}").Methods("GET").HandlerFunc(s.debug(profiles))
	m.NotFoundHandler, m.MethodNotAllowedHandler = http.HandlerFunc(s.lost), http.HandlerFunc(s.lost)
	return m
}
