package netapi

import (
	"cmp"
	"net/http"
	"strconv"
	"time"

	api "github.com/moby/moby/api/types/container"

	"box/engine"
	"box/engine/refuse"
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

// maxPoints bounds the moments of a reply with a history.
const maxPoints = 10_000

// monitorHistory sends a span of the past of the host or of a container.
func (s *Server) monitorHistory(w http.ResponseWriter, r *http.Request) error {
	now := time.Now()
	read := func(name string, or time.Time) (time.Time, error) {
		text := r.FormValue(name)
		if text == "" {
			return or, nil
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return or, refuse.Invalid("%s is in nanoseconds since 1970 and expects an integer, got %s: %v", name, text, err)
		}
		return time.Unix(0, n), nil
	}
	from, err := read("from", now.Add(-time.Hour))
	if err != nil {
		return err
	}
	to, err := read("to", now)
	if err != nil {
		return err
	}
	points := 300
	if text := r.FormValue("points"); text != "" {
		if points, err = strconv.Atoi(text); err != nil || points < 1 || points > maxPoints {
			return refuse.Invalid("points is a number from 1 to %d, got %s", maxPoints, text)
		}
	}
	h, err := s.e.Past(cmp.Or(r.FormValue("series"), "host"), from, to, points)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, h)
}
