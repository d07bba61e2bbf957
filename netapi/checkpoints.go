package netapi

import (
	"fmt"
	"net/http"

	"github.com/containerd/errdefs"
)

// noCheckpoints answers what Docker answers unless its daemon is experimental: a clear no, where a client would take
// "page not found" for a daemon that is too old.
func (s *Server) noCheckpoints(http.ResponseWriter, *http.Request) error {
	return fmt.Errorf("checkpoints are not supported: containers are started afresh: %w", errdefs.ErrNotImplemented)
}
