package netapi

import (
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/gorilla/mux"
	api "github.com/moby/moby/api/types/container"

	"box/engine"
	"box/engine/refuse"
	"box/engine/request"
	"box/netapi/version"
	"box/netapi/wire"
)

func name(r *http.Request) string { return mux.Vars(r)["name"] }

func (s *Server) listContainers(w http.ResponseWriter, r *http.Request) error {
	f, err := filters(r)
	if err != nil {
		return err
	}
	if _, asked := f["annotation"]; asked && version.Of(r.Context()) < 56 {
		return refuse.Invalid("invalid filter 'annotation'")
	}
	o := engine.ListOptions{All: flag(r, "all"), Size: flag(r, "size"), Filters: f}
	if text := r.FormValue("limit"); text != "" {
		if o.Limit, err = strconv.Atoi(text); err != nil {
			return refuse.Invalid("invalid limit %s", strconv.Quote(text))
		}
	}
	list, err := s.e.List(r.Context(), o)
	if err != nil {
		return err
	}
	shaped := make([]any, 0, len(list))
	for i := range list {
		s, err := version.Summary(&list[i], version.Of(r.Context()))
		if err != nil {
			return err
		}
		shaped = append(shaped, s)
	}
	return writeJSON(w, http.StatusOK, shaped)
}

func (s *Server) inspectContainer(w http.ResponseWriter, r *http.Request) error {
	c, err := s.e.Inspect(r.Context(), name(r), flag(r, "size"))
	if err != nil {
		return err
	}
	shaped, err := version.Inspect(c, version.Of(r.Context()))
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, shaped)
}

func (s *Server) createContainer(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return refuse.Invalid("%v", err)
	}
	var raw json.RawMessage
	if err := readJSON(w, r, &raw); err != nil {
		return err
	}
	q, err := version.DecodeCreate(raw)
	if err != nil {
		return err
	}
	if err := version.Since(version.Of(r.Context()), raw, &q); err != nil {
		return err
	}
	c := request.Create{Name: r.FormValue("name"), Config: q.Config, Host: q.HostConfig, Networking: q.NetworkingConfig,
		Shallow: version.Of(r.Context()) < 44}
	if version.Of(r.Context()) >= 41 {
		if c.Platform, err = request.Platform(r.FormValue("platform")); err != nil {
			return err
		}
	}
	resp, err := s.e.Create(r.Context(), c)
	if err != nil {
		return err
	}
	if resp.Warnings == nil {
		resp.Warnings = []string{}
	}
	return writeJSON(w, http.StatusCreated, resp)
}

func (s *Server) startContainer(w http.ResponseWriter, r *http.Request) error {
	// Before 1.24 the body could be a host configuration. Anything longer than "{}" or "null" is a mistake now.
	if r.ContentLength > 7 || r.ContentLength == -1 {
		return refuse.Invalid("starting container with non-empty request body was deprecated since API v1.22 and removed " +
			"in v1.24")
	}
	if err := s.e.Start(r.Context(), name(r)); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func stopOptions(r *http.Request) (engine.StopOptions, error) {
	o := engine.StopOptions{Signal: r.FormValue("signal")}
	if version.Of(r.Context()) < 42 {
		o.Signal = ""
	}
	if t := r.FormValue("t"); t != "" {
		n, err := strconv.Atoi(t)
		if err != nil {
			return o, refuse.Invalid("invalid timeout %s", strconv.Quote(t))
		}
		o.Seconds = &n
	}
	return o, nil
}

func (s *Server) stopContainer(w http.ResponseWriter, r *http.Request) error {
	o, err := stopOptions(r)
	if err != nil {
		return err
	}
	if err := s.e.Stop(r.Context(), name(r), o); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) restartContainer(w http.ResponseWriter, r *http.Request) error {
	o, err := stopOptions(r)
	if err != nil {
		return err
	}
	if err := s.e.Restart(r.Context(), name(r), o); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) killContainer(w http.ResponseWriter, r *http.Request) error {
	if err := s.e.Kill(r.Context(), name(r), r.FormValue("signal")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) pauseContainer(w http.ResponseWriter, r *http.Request) error {
	if err := s.e.Pause(r.Context(), name(r)); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) unpauseContainer(w http.ResponseWriter, r *http.Request) error {
	if err := s.e.Unpause(r.Context(), name(r)); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) renameContainer(w http.ResponseWriter, r *http.Request) error {
	if err := s.e.Rename(r.Context(), name(r), r.FormValue("name")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) removeContainer(w http.ResponseWriter, r *http.Request) error {
	if flag(r, "link") {
		if err := s.e.RemoveLink(r.Context(), name(r)); err != nil {
			return err
		}
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	err := s.e.Remove(r.Context(), name(r), engine.RemoveOptions{Force: flag(r, "force"), Volumes: flag(r, "v")})
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) resizeContainer(w http.ResponseWriter, r *http.Request) error {
	h, wd, err := size(r)
	if err != nil {
		return err
	}
	if err := s.e.Resize(r.Context(), name(r), h, wd); err != nil {
		return err
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

// waitContainer sends the header of the reply at once, so that the client knows that it will miss nothing, and the body
// at the end.
func (s *Server) waitContainer(w http.ResponseWriter, r *http.Request) error {
	condition := api.WaitCondition(r.FormValue("condition"))
	switch condition {
	case "", api.WaitConditionNotRunning, api.WaitConditionNextExit, api.WaitConditionRemoved:
	default:
		return refuse.Invalid("invalid condition: %s", strconv.Quote(string(condition)))
	}
	early := version.Of(r.Context()) >= 30
	resp, err := s.e.Wait(r.Context(), name(r), condition, func() {
		if early {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusOK)
			_ = http.NewResponseController(w).Flush()
		}
	})
	if err != nil {
		if r.Context().Err() != nil {
			return nil // nobody is there to be told
		}
		return err
	}
	var out any = resp
	if version.Of(r.Context()) < 42 && resp.Error == nil {
		out = struct {
			Error      *api.WaitExitError
			StatusCode int64
		}{nil, resp.StatusCode}
	}
	if early {
		return wire.NewEncoder(w).Encode(out)
	}
	return writeJSON(w, http.StatusOK, out)
}

func (s *Server) pruneContainers(w http.ResponseWriter, r *http.Request) error {
	f, err := filters(r)
	if err != nil {
		return err
	}
	done, err := s.e.PruneContainers(r.Context(), f)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, done)
}

func (s *Server) containerChanges(w http.ResponseWriter, r *http.Request) error {
	list, err := s.e.Changes(r.Context(), name(r))
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, list)
}

func (s *Server) updateContainer(w http.ResponseWriter, r *http.Request) error {
	var u api.UpdateConfig
	if err := readJSON(w, r, &u); err != nil {
		return err
	}
	version.DropNulls(&u.Resources)
	if version.Of(r.Context()) < 55 { // they were in the request, and did nothing
		u.BlkioWeightDevice, u.BlkioDeviceReadBps, u.BlkioDeviceWriteBps, u.BlkioDeviceReadIOps, u.BlkioDeviceWriteIOps = nil,
			nil, nil, nil, nil
	}
	if version.Of(r.Context()) < 40 {
		u.PidsLimit = nil // not to be changed then
	}
	warnings, err := s.e.Update(r.Context(), name(r), u)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, api.UpdateResponse{Warnings: warnings})
}
