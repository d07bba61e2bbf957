package netapi

import (
	"context"
	"encoding/json"
	"net/http"
	"runtime"

	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/api/types/system"

	"box/engine"
)

// ping needs no version and is cheap: clients call it before anything else.
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
	kernel := engine.KernelVersion()
	return writeJSON(w, http.StatusOK, system.VersionResponse{
		Platform: system.PlatformInfo{Name: "box"},
		Version:  s.version, APIVersion: MaxVersion, MinAPIVersion: MinVersion,
		Os: runtime.GOOS, Arch: runtime.GOARCH, GoVersion: runtime.Version(), KernelVersion: kernel,
		Components: []system.ComponentVersion{{
			Name: "Engine", Version: s.version,
			Details: map[string]string{
				"ApiVersion": MaxVersion, "MinAPIVersion": MinVersion, "Os": runtime.GOOS, "Arch": runtime.GOARCH,
				"GoVersion": runtime.Version(), "KernelVersion": kernel, "Experimental": "false",
			},
		}},
	})
}

func (s *Server) info(w http.ResponseWriter, r *http.Request) error {
	info, err := s.e.Info(r.Context())
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, info)
}

// legacyEvent is an event with the fields that clients before 1.22 knew; containers and images still carry them.
type legacyEvent struct {
	Status string `json:"status,omitempty"`
	ID     string `json:"id,omitempty"`
	From   string `json:"from,omitempty"`
	events.Message
}

func (s *Server) events(w http.ResponseWriter, r *http.Request) error {
	f, err := filters(r)
	if err != nil {
		return err
	}
	since, err := moment(r.FormValue("since"))
	if err != nil {
		return err
	}
	until, err := moment(r.FormValue("until"))
	if err != nil {
		return err
	}
	match, err := s.e.EventMatch(f)
	if err != nil {
		return err
	}
	out := json.NewEncoder(newFlushWriter(w))
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	started := func() {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
	}
	return quiet(s.e.Events().Subscribe(ctx, since, until, started, func(m events.Message) error {
		if !match(m) || m.Type == events.ImageEventType && m.Action == events.ActionCreate && versionOf(r.Context()) < 46 {
			return nil
		}
		return out.Encode(shapeEvent(m, versionOf(r.Context())))
	}))
}

// shapeEvent adds the old fields, which 1.52 dropped.
func shapeEvent(m events.Message, v apiVersion) any {
	if v >= 52 || m.Type != events.ContainerEventType && m.Type != events.ImageEventType {
		return m
	}
	return legacyEvent{Status: string(m.Action), ID: m.Actor.ID, From: m.Actor.Attributes["image"], Message: m}
}
