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
	kernel, b := engine.KernelVersion(), buildinfo.Current()
	return writeJSON(w, http.StatusOK, system.VersionResponse{
		Platform: system.PlatformInfo{Name: "box"},
		Version:  s.product.Release, APIVersion: MaxVersion, Experimental: s.e.Experimental(), MinAPIVersion: s.product.Lowest, GitCommit: b.Commit, BuildTime: b.Date(),
		Os: runtime.GOOS, Arch: runtime.GOARCH, GoVersion: runtime.Version(), KernelVersion: kernel,
		Components: []system.ComponentVersion{
			{Name: "Engine", Version: s.product.Release, Details: map[string]string{
				"ApiVersion": MaxVersion, "MinAPIVersion": s.product.Lowest, "Os": runtime.GOOS, "Arch": runtime.GOARCH,
				"GoVersion": runtime.Version(), "KernelVersion": kernel, "Experimental": strconv.FormatBool(s.e.Experimental()), "GitCommit": b.Commit, "BuildTime": b.Date(),
			}},
			{Name: "box", Version: s.product.Version, Details: map[string]string{"GitCommit": b.Commit, "BuildTime": b.Date()}},
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
