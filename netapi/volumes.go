package netapi

import (
	"net/http"

	api "github.com/moby/moby/api/types/volume"

	"box/engine/refuse"
	"box/netapi/version"
)

func (s *Server) listVolumes(w http.ResponseWriter, r *http.Request) error {
	f, err := filters(r)
	if err != nil {
		return err
	}
	list, err := s.e.Volumes(f)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, api.ListResponse{Volumes: list})
}

func (s *Server) inspectVolume(w http.ResponseWriter, r *http.Request) error {
	v, err := s.e.InspectVolume(name(r))
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, v)
}

func (s *Server) createVolume(w http.ResponseWriter, r *http.Request) error {
	if r.ContentLength == 0 {
		return refuse.Invalid("invalid JSON: got EOF while reading request body")
	}
	var q api.CreateRequest
	if err := readJSON(w, r, &q); err != nil {
		return err
	}
	if version.Of(r.Context()) < 42 {
		q.ClusterVolumeSpec = nil
	}
	v, err := s.e.VolumeCreate(r.Context(), q)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusCreated, v)
}

func (s *Server) removeVolume(w http.ResponseWriter, r *http.Request) error {
	if err := s.e.RemoveVolume(r.Context(), name(r), flag(r, "force")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// pruneVolumes removes unused volumes; before 1.42 also named ones.
func (s *Server) pruneVolumes(w http.ResponseWriter, r *http.Request) error {
	f, err := filters(r)
	if err != nil {
		return err
	}
	if version.Of(r.Context()) < 42 {
		f["all"] = []string{"true"}
	}
	report, err := s.e.PruneVolumes(r.Context(), f)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, report)
}

// updateVolume is for volumes of a swarm.
func (s *Server) updateVolume(http.ResponseWriter, *http.Request) error {
	return s.e.VolumeUpdate()
}
