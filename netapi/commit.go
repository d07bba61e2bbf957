package netapi

import (
	"bytes"
	"encoding/json"
	"net/http"

	"github.com/moby/moby/api/types/common"
	api "github.com/moby/moby/api/types/container"

	"box/engine"
	"box/engine/refuse"
	"box/netapi/version"
)

// commitContainer makes an image from a container. The body may replace its configuration.
func (s *Server) commitContainer(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return refuse.Invalid("%v", err)
	}
	var raw json.RawMessage
	if err := readJSON(w, r, &raw); err != nil {
		return err
	}
	q := engine.Commission{
		Repository: r.FormValue("repo"), Tag: r.FormValue("tag"), Author: r.FormValue("author"),
		Comment: r.FormValue("comment"),
		Pause:   r.FormValue("pause") == "" || flag(r, "pause"), Changes: r.Form["changes"],
	}
	var fields map[string]json.RawMessage
	if body := bytes.TrimSpace(raw); len(body) > 0 && !bytes.Equal(body, []byte("null")) {
		if err := json.Unmarshal(body, &fields); err != nil {
			return refuse.Invalid("invalid JSON: %s", err.Error())
		}
	}
	if len(fields) > 0 {
		body, err := version.DecodeCreate(raw)
		if err != nil {
			return err
		}
		if q.Config = body.Config; q.Config == nil {
			q.Config = &api.Config{}
		}
	}
	id, err := s.e.Commit(r.Context(), r.FormValue("container"), q)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusCreated, common.IDResponse{ID: id})
}
