package netapi

import (
	"net/http"

	api "github.com/moby/moby/api/types/container"

	"box/engine"
	"box/netapi/version"
	"box/netapi/wire"
)

func (s *Server) containerStats(w http.ResponseWriter, r *http.Request) error {
	o := engine.UsageOptions{Stream: r.FormValue("stream") == "" || flag(r, "stream")}
	v := version.Of(r.Context())
	if v >= 41 {
		o.OneShot = flag(r, "one-shot")
	}
	out := wire.NewEncoder(newFlushWriter(w))
	began := false
	err := s.e.Usage(r.Context(), name(r), o, func(u *api.StatsResponse) error {
		if !began {
			began = true
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusOK)
		}
		if v < 52 {
			u.OSType = ""
		}
		return out.Encode(u)
	})
	if began || r.Context().Err() != nil {
		return nil // nobody is there to be told
	}
	return err
}

func (s *Server) containerTop(w http.ResponseWriter, r *http.Request) error {
	t, err := s.e.Top(r.Context(), name(r), r.FormValue("ps_args"))
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, t)
}

// monitor sends a measurement of the host and all containers, or with stream one a second.
func (s *Server) monitor(w http.ResponseWriter, r *http.Request) error {
	sets, stop := s.e.Monitor().Watch()
	defer stop()
	out := wire.NewEncoder(newFlushWriter(w))
	w.Header().Set("Content-Type", "application/json")
	for {
		select {
		case <-r.Context().Done():
			return nil
		case set := <-sets:
			if err := out.Encode(set); err != nil || !flag(r, "stream") {
				return quiet(err)
			}
		}
	}
}
