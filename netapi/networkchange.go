package netapi

import (
	"fmt"
	"net/http"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/network"

	"box/netapi/wire"
)

func forbidden(format string, args ...any) error {
	return answer{errdefs.ErrPermissionDenied, fmt.Sprintf(format, args...)}
}

// createNetwork makes none yet, but says no as Docker does where Docker would.
func (s *Server) createNetwork(w http.ResponseWriter, r *http.Request) error {
	var q struct{ Name string }
	if err := readWanted(w, r, &q); err != nil {
		return err
	}
	switch n, err := s.e.InspectNetwork(q.Name); {
	case q.Name == "":
		return refused("invalid name: ")
	case err == nil && n.Name == q.Name:
		return forbidden("operation is not permitted on predefined %s network ", q.Name)
	}
	return unbuilt(wire.NoNetworks)
}

func (s *Server) removeNetwork(_ http.ResponseWriter, r *http.Request) error {
	n, err := s.e.InspectNetwork(name(r))
	if err != nil {
		return err
	}
	return forbidden("%s is a pre-defined network and cannot be removed", n.Name)
}

func (s *Server) connectNetwork(w http.ResponseWriter, r *http.Request) error {
	var q network.ConnectRequest
	if err := readWanted(w, r, &q); err != nil {
		return err
	}
	n, container, joined, err := s.endpoint(r, q.Container)
	switch {
	case err != nil:
		return err
	case n.Name == "host":
		return refused("container cannot be disconnected from host network or connected to host network")
	case joined:
		return forbidden("endpoint with name %s already exists in network %s", container, n.Name)
	}
	return unbuilt(wire.NoNetworks)
}

func (s *Server) disconnectNetwork(w http.ResponseWriter, r *http.Request) error {
	var q network.DisconnectRequest
	if err := readWanted(w, r, &q); err != nil {
		return err
	}
	n, container, joined, err := s.endpoint(r, q.Container)
	switch {
	case err != nil:
		return err
	case !joined:
		return fmt.Errorf("container %s is not connected to network %s", container, n.Name)
	case n.Name == "host":
		return refused("container cannot be disconnected from host network or connected to host network")
	}
	return unbuilt(wire.NoNetworks)
}

// endpoint finds the network of a request and whether the container is in it. The container is given back by its name.
func (s *Server) endpoint(r *http.Request, ref string) (n *network.Inspect, container string, joined bool, err error) {
	if n, err = s.e.InspectNetwork(name(r)); err != nil {
		return nil, "", false, err
	}
	c, err := s.e.Inspect(r.Context(), ref, false)
	if err != nil {
		return nil, "", false, err
	}
	_, joined = c.NetworkSettings.Networks[n.Name]
	return n, c.Name[1:], joined, nil
}
