package netapi

import (
	"net/http"
	"strconv"

	"github.com/moby/moby/api/types/registry"

	"box/engine"
	"box/engine/refuse"
	"box/engine/request"
	"box/netapi/wire"
)

// authOf returns the credentials for a registry in a request. As in Docker, none are used if they cannot be parsed.
func authOf(r *http.Request) registry.AuthConfig {
	a, err := wire.DecodeAuth(r.Header.Get(wire.RegistryAuthHeader))
	if err != nil {
		return registry.AuthConfig{}
	}
	return authConfig(a)
}

func authConfig(a wire.Auth) registry.AuthConfig {
	return registry.AuthConfig{Username: a.Username, Password: a.Password, Auth: a.Auth, ServerAddress: a.ServerAddress,
		IdentityToken: a.IdentityToken, RegistryToken: a.RegistryToken}
}

func (s *Server) login(w http.ResponseWriter, r *http.Request) error {
	var a wire.Auth
	if err := readJSON(w, r, &a); err != nil {
		return err
	}
	done, err := s.e.Login(r.Context(), authConfig(a))
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, done)
}

func (s *Server) searchImages(w http.ResponseWriter, r *http.Request) error {
	f, err := filters(r)
	if err != nil {
		return err
	}
	limit := 0
	if text := r.FormValue("limit"); text != "" {
		if limit, err = strconv.Atoi(text); err != nil {
			return refuse.Invalid("invalid limit specified: %s", err.Error())
		}
	}
	list, err := s.e.Search(r.Context(), r.FormValue("term"), limit, f, authOf(r))
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, list)
}

func (s *Server) pushImage(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	p, err := request.Platform(q.Get("platform"))
	if err != nil {
		return err
	}
	s.progressing(w, r, func(out *lineStream) error {
		return s.e.Push(r.Context(), engine.Pushing{Name: name(r), Tag: q.Get("tag"), Platform: p, Auth: authOf(r)},
			out.write)
	})
	return nil
}

func (s *Server) inspectDistribution(w http.ResponseWriter, r *http.Request) error {
	d, err := s.e.Distribution(r.Context(), name(r), authOf(r))
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, d)
}
