package netapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/api/types/system"

	"box/engine"
	"box/netapi/wire"
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
	kernel, b := engine.KernelVersion(), engine.Built()
	return writeJSON(w, http.StatusOK, system.VersionResponse{
		Platform: system.PlatformInfo{Name: "box"},
		Version:  s.product.Release, APIVersion: MaxVersion, Experimental: s.e.Experimental(), MinAPIVersion: s.product.Lowest, GitCommit: b.Commit, BuildTime: b.Time,
		Os: runtime.GOOS, Arch: runtime.GOARCH, GoVersion: runtime.Version(), KernelVersion: kernel,
		Components: []system.ComponentVersion{
			{Name: "Engine", Version: s.product.Release, Details: map[string]string{
				"ApiVersion": MaxVersion, "MinAPIVersion": s.product.Lowest, "Os": runtime.GOOS, "Arch": runtime.GOARCH,
				"GoVersion": runtime.Version(), "KernelVersion": kernel, "Experimental": strconv.FormatBool(s.e.Experimental()), "GitCommit": b.Commit, "BuildTime": b.Time,
			}},
			{Name: "box", Version: s.product.Version, Details: map[string]string{"GitCommit": b.Commit, "BuildTime": b.Time}},
			{Name: "runc", Version: strings.TrimPrefix(b.Runc, "v"), Details: map[string]string{"GitCommit": b.Runc}},
			{Name: "docker-init", Version: s.product.Version, Details: map[string]string{"GitCommit": b.Commit}},
		},
	})
}

// infoFields are the fields of info by version.
func infoFields() []field {
	v4, v6 := engine.BridgeFilters()
	no, empty := json.RawMessage("false"), json.RawMessage("[]")
	list := []field{
		{path: []string{"BridgeNfIptables"}, last: 49, value: json.RawMessage(strconv.FormatBool(v4))},
		{path: []string{"BridgeNfIp6tables"}, last: 49, value: json.RawMessage(strconv.FormatBool(v6))},
		{path: []string{"KernelMemory"}, last: 41, value: no},
		{path: []string{"KernelMemoryTCP"}, since: 40, last: 51, value: no},
		{path: []string{"CDISpecDirs"}, since: 44},
		{path: []string{"FirewallBackend"}, since: 49},
		{path: []string{"RegistryConfig", "AllowNondistributableArtifactsCIDRs"}, last: 48, value: empty},
		{path: []string{"RegistryConfig", "AllowNondistributableArtifactsHostnames"}, last: 48, value: empty},
	}
	for _, c := range []string{"ContainerdCommit", "RuncCommit", "InitCommit"} {
		list = append(list, field{path: []string{c, "Expected"}, last: 48, value: json.RawMessage(`""`)})
	}
	return list
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
	if err := shapeFields(reply, infoFields(), versionOf(r.Context())); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, reply)
}

// span reads since and until of a request for events. Unlike that of logs, a since of 0 asks for all of the past.
func span(r *http.Request) (since, until time.Time, err error) {
	read := func(name string) time.Time {
		text := r.FormValue(name)
		t, bad := moment(text)
		if err == nil {
			err = bad
		}
		if text == "0" {
			return time.Unix(0, 0)
		}
		return t
	}
	since, until = read("since"), read("until")
	if err == nil && !until.IsZero() && since.After(until) {
		err = refused(fmt.Sprintf("`since` time (%d) cannot be after `until` time (%d)", since.Unix(), until.Unix()))
	}
	return since, until, err
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
	since, until, err := span(r)
	if err != nil {
		return err
	}
	match := s.e.EventMatch(f)
	out := wire.NewEncoder(newFlushWriter(w))
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
		return out.Encode(shapeEvent(m))
	}))
}

// shapeEvent adds the old fields, which 1.52 dropped: scripts on libraries that take whatever version the daemon has look there.
func shapeEvent(m events.Message) any {
	if m.Type != events.ContainerEventType && m.Type != events.ImageEventType {
		return m
	}
	return legacyEvent{Status: string(m.Action), ID: m.Actor.ID, From: m.Actor.Attributes["image"], Message: m}
}
