package netapi

import (
	"fmt"
	"net/http"

	"github.com/containerd/errdefs"
)

// listPlugins: clients ask it before anything else.
func (s *Server) listPlugins(w http.ResponseWriter, _ *http.Request) error {
	return writeJSON(w, http.StatusOK, []struct{}{})
}

// noPlugin answers what is asked of one plugin. `docker inspect` goes on to the next kind only after this answer.
func (s *Server) noPlugin(_ http.ResponseWriter, r *http.Request) error {
	return answer{errdefs.ErrNotFound, fmt.Sprintf("plugin %q not found", name(r))}
}
