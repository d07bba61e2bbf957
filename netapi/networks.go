package netapi

import (
	"net/http"

	"github.com/gorilla/mux"
	"github.com/moby/moby/api/types/network"

	"box/netapi/version"
)

func (s *Server) listNetworks(w http.ResponseWriter, r *http.Request) error {
	f, err := filters(r)
	if err != nil {
		return err
	}
	list, err := s.e.Networks(f)
	if err != nil {
		return err
	}
	out := make([]any, len(list))
	for i := range list {
		if version.Of(r.Context()) < 28 { // a list told all that an inspection does
			n, err := s.e.InspectNetwork(list[i].ID)
			if err != nil {
				return err
			}
			if out[i], err = version.Shaped(n, version.NetworkFields, version.Of(r.Context())); err != nil {
				return err
			}
			continue
		}
		if out[i], err = version.Shaped(list[i], version.ListedNetworkFields, version.Of(r.Context())); err != nil {
			return err
		}
	}
	return writeJSON(w, http.StatusOK, out)
}

func (s *Server) inspectNetwork(w http.ResponseWriter, r *http.Request) error {
	n, err := s.e.InspectNetwork(mux.Vars(r)["id"])
	if err != nil {
		return err
	}
	out, err := version.Shaped(n, version.NetworkFields, version.Of(r.Context()))
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, out)
}

func (s *Server) pruneNetworks(w http.ResponseWriter, r *http.Request) error {
	f, err := filters(r)
	if err != nil {
		return err
	}
	done, err := s.e.PruneNetworks(r.Context(), f)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, network.PruneReport{NetworksDeleted: done})
}
