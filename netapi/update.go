package netapi

import (
	"net/http"

	api "github.com/moby/moby/api/types/container"
)

func (s *Server) updateContainer(w http.ResponseWriter, r *http.Request) error {
	var u api.UpdateConfig
	if err := readJSON(w, r, &u); err != nil {
		return err
	}
	dropNulls(&u.Resources)
	if versionOf(r.Context()) < 55 { // they were in the request, and did nothing
		u.BlkioWeightDevice, u.BlkioDeviceReadBps, u.BlkioDeviceWriteBps, u.BlkioDeviceReadIOps, u.BlkioDeviceWriteIOps = nil, nil, nil, nil, nil
	}
	if versionOf(r.Context()) < 40 {
		u.PidsLimit = nil // not to be changed then
	}
	warnings, err := s.e.Update(r.Context(), name(r), u)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, api.UpdateResponse{Warnings: warnings})
}
