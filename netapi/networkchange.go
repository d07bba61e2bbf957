package netapi

import (
	"encoding/json"
	"net/http"

	"github.com/moby/moby/api/types/network"

	"box/engine/request"
	"box/netapi/version"
)

func (s *Server) createNetwork(w http.ResponseWriter, r *http.Request) error {
	var q request.Network
	if err := readWanted(w, r, &q); err != nil {
		return err
	}
	v := version.Of(r.Context())
	q.Duplicates = v < 44 && !q.CheckDuplicate
	if v < 47 {
		q.EnableIPv4 = nil
	}
	made, err := s.e.CreateNetwork(r.Context(), &q)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusCreated, made)
}

func (s *Server) removeNetwork(w http.ResponseWriter, r *http.Request) error {
	if err := s.e.RemoveNetwork(r.Context(), name(r)); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) connectNetwork(w http.ResponseWriter, r *http.Request) error {
	var raw json.RawMessage
	if err := readWanted(w, r, &raw); err != nil {
		return err
	}
	q, err := version.DecodeConnect(raw, version.Of(r.Context()))
	if err != nil {
		return err
	}
	return s.e.Connect(r.Context(), name(r), q.Container, q.EndpointConfig)
}

func (s *Server) disconnectNetwork(w http.ResponseWriter, r *http.Request) error {
	var q network.DisconnectRequest
	if err := readWanted(w, r, &q); err != nil {
		return err
	}
	return s.e.Disconnect(r.Context(), name(r), q.Container, q.Force)
}
