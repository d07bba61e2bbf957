package netapi

import (
	"net/http"

	"box/netapi/wire"
)

// noCheckpoints answers what Docker answers unless its daemon is experimental: a clear no, where a client would take
// "page not found" for a daemon that is too old.
func (s *Server) noCheckpoints(http.ResponseWriter, *http.Request) error {
	return unbuilt(wire.NoCheckpoints)
}
