package netapi

import (
	"encoding/json"
	"net/http"
	"runtime"
	"strconv"
	"strings"

	"github.com/moby/moby/api/types/system"

	"box/buildinfo"
	"box/engine"
	"box/netapi/version"
	"box/netapi/wire"
)

// ping is cheap, because clients call it before anything else.
func (s *Server) ping(w http.ResponseWriter, r *http.Request) error {
	h := w.Header()
	h.Set("Builder-Version", "1")
	h.Set("Swarm", "inactive")
	h.Set("Cache-Control", "no-cache, no-store, must-revalidate")
	h.Set("Pragma", "no-cache")
	h.Set("Content-Type", "text/plain; charset=utf-8")
	if r.Method == http.MethodHead {
		h.Set("Content-Length", "0")
		w.WriteHeader(http.StatusOK)
		return nil
	}
	_, err := w.Write([]byte("OK"))
	return err
}

func (s *Server) versionInfo(w http.ResponseWriter, _ *http.Request) error {
	kernel, b := engine.KernelVersion(), buildinfo.Current()
	return writeJSON(w, http.StatusOK, system.VersionResponse{
		Platform: system.PlatformInfo{Name: "box"},
		Version:  s.product.Release, APIVersion: version.Max, Experimental: s.e.Experimental(),
		MinAPIVersion: s.product.Lowest, GitCommit: b.Commit, BuildTime: b.Date(),
		Os: runtime.GOOS, Arch: runtime.GOARCH, GoVersion: runtime.Version(), KernelVersion: kernel,
		Components: []system.ComponentVersion{
			{Name: "Engine", Version: s.product.Release, Details: map[string]string{
				"ApiVersion": version.Max, "MinAPIVersion": s.product.Lowest, "Os": runtime.GOOS, "Arch": runtime.GOARCH,
				"GoVersion": runtime.Version(), "KernelVersion": kernel, "Experimental": strconv.FormatBool(s.e.Experimental()),
				"GitCommit": b.Commit, "BuildTime": b.Date(),
			}},
			{Name: "box", Version: s.product.Version, Details: map[string]string{"GitCommit": b.Commit, "BuildTime": b.Date()}},
			{Name: "runc", Version: strings.TrimPrefix(b.Runc, "v"), Details: map[string]string{"GitCommit": b.Runc}},
			{Name: "docker-init", Version: s.product.Version, Details: map[string]string{"GitCommit": b.Commit}},
		},
	})
}

func (s *Server) info(w http.ResponseWriter, r *http.Request) error {
	info, err := s.e.Info(r.Context())
	if err != nil {
		return err
	}
	raw, err := wire.Marshal(info)
	if err != nil {
		return err
	}
	var reply map[string]json.RawMessage
	if err := json.Unmarshal(raw, &reply); err != nil {
		return err
	}
	if err := version.ShapeFields(reply, version.InfoFields(engine.BridgeFilters()), version.Of(r.Context())); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, reply)
}

// migrate moves what another storage driver has to that of this daemon. It ends when its client is gone, and goes on
// when it is asked for again.
func (s *Server) migrate(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	m := engine.Migration{From: q.Get("from"), To: q.Get("to"), Keep: flag(r, "keep"), Options: q["storage-opt"]}
	s.progressing(w, r, func(out *lineStream) error { return s.e.Migrate(r.Context(), m, out.write) })
	return nil
}
