package netapi

import (
	"fmt"
	"net/http"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/network"

	"box/engine/refuse"
	"box/netapi/wire"
)

func forbidden(format string, args ...any) error {
	return answer{errdefs.ErrPermissionDenied, fmt.Sprintf(format, args...)}
}

// networkRequest is a request to create a network, whose values are not checked yet.
type networkRequest struct {
	Name, Driver, Scope                                       string
	CheckDuplicate, Internal, Attachable, Ingress, ConfigOnly bool
	EnableIPv4, EnableIPv6                                    *bool
	ConfigFrom                                                *network.ConfigReference
	Options, Labels                                           map[string]string
	IPAM                                                      *struct {
		Driver  string
		Options map[string]string
		Config  []struct {
			Subnet, IPRange, Gateway string
			AuxiliaryAddresses       map[string]string
		}
	}
}

// createNetwork refuses requests as Docker does, and other ones because creating networks is not implemented yet.
func (s *Server) createNetwork(w http.ResponseWriter, r *http.Request) error {
	var q networkRequest
	if err := readWanted(w, r, &q); err != nil {
		return err
	}
	switch n, err := s.e.InspectNetwork(q.Name); {
	case q.Name == "":
		return refuse.Invalid("invalid name: ")
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
	m, err := s.membership(w, r, &q, &q.Container)
	switch {
	case err != nil:
		return err
	case m.network == "host":
		return errHostNetwork
	}
	switch err := s.e.CheckEndpoint(m.network, q.EndpointConfig); {
	case err != nil:
		return err
	case m.joined:
		return forbidden("endpoint with name %s already exists in network %s", m.container, m.network)
	}
	return unbuilt(wire.NoNetworks)
}

func (s *Server) disconnectNetwork(w http.ResponseWriter, r *http.Request) error {
	var q network.DisconnectRequest
	m, err := s.membership(w, r, &q, &q.Container)
	switch {
	case err != nil:
		return err
	case !m.joined:
		return fmt.Errorf("container %s is not connected to network %s", m.id, m.network)
	case m.network == "host":
		return errHostNetwork
	}
	return unbuilt(wire.NoNetworks)
}

var errHostNetwork = refuse.Invalid("container cannot be disconnected from host network or connected to host network")

// membership tells whether a container is in a network.
type membership struct {
	network, container string // names
	id                 string // of the container
	joined             bool
}

// membership decodes a request into q, and looks up its network and the container that ref points to.
func (s *Server) membership(w http.ResponseWriter, r *http.Request, q any, ref *string) (m membership, err error) {
	if err := readWanted(w, r, q); err != nil {
		return m, err
	}
	n, err := s.e.InspectNetwork(name(r))
	if err != nil {
		return m, err
	}
	c, err := s.e.Inspect(r.Context(), *ref, false)
	if err != nil {
		return m, err
	}
	_, joined := c.NetworkSettings.Networks[n.Name]
	return membership{n.Name, c.Name[1:], c.ID, joined}, nil
}
