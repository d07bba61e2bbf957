package web

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/containerd/errdefs"

	"box/certs"
	"box/netapi/client"
	"box/personalities/top/hosts"
)

// Sizes of a token in bytes. A short one could be guessed.
const (
	minToken = 16
	maxToken = 4 << 10
)

// readToken reads the file of a token. White space around it does not count.
func readToken(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("token of the monitor: %w", err)
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() {
		return nil, fmt.Errorf("token of the monitor: %s is not a regular file", path)
	}
	raw, err := io.ReadAll(io.LimitReader(f, maxToken+1))
	if err != nil {
		return nil, fmt.Errorf("token of the monitor: %w", err)
	}
	token := bytes.TrimSpace(raw)
	if len(token) < minToken || len(raw) > maxToken {
		return nil, fmt.Errorf("token of the monitor: %s has %d characters: use %d at least, such as of "+
			"head -c 24 /dev/urandom | base64", path, len(token), minToken)
	}
	return token, nil
}

// shown returns the token that a request shows, or "".
func shown(r *http.Request) string {
	kind, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(kind, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// certified tells whether the client has shown a certificate of the authority, which the handshake has checked.
func (s *Server) certified(r *http.Request) bool {
	return s.o.Secure != nil && r.TLS != nil && len(r.TLS.VerifiedChains) > 0
}

// checkHolder returns an error unless the request may act. The file of the token is read each time, so that a token
// that is replaced is void at once.
func (s *Server) checkHolder(r *http.Request) error {
	if s.certified(r) {
		return nil
	}
	token := shown(r)
	if token == "" {
		return fmt.Errorf("to act, show a certificate of the authority or the token: %w", errdefs.ErrUnauthenticated)
	}
	if s.o.Token == "" {
		return refused("there is no token here: it is a file that the option for it names")
	}
	want, err := readToken(s.o.Token)
	if err != nil {
		s.o.Log.Warn("monitor: nobody can act by the token", "error", err)
		return refused("the token is not readable")
	}
	a, b := sha256.Sum256([]byte(token)), sha256.Sum256(want) // of the same length, whatever was shown
	if subtle.ConstantTimeCompare(a[:], b[:]) != 1 {
		return refused("this is not the token")
	}
	return nil
}

// holderName returns who acts, for the log.
func holderName(r *http.Request) string {
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		return certs.Name(r.TLS.PeerCertificates[0])
	}
	return "token"
}

// clientFor returns the client that does what a request asks of a host, in the name of its holder, and what frees it.
func (s *Server) clientFor(r *http.Request, h *hosts.Host) (*client.Client, func(), error) {
	if s.o.As != nil && s.certified(r) {
		return s.o.As(r.TLS)
	}
	return h.Client(), func() {}, nil
}

// host returns the host that a request names. The only one needs no name.
func (s *Server) host(r *http.Request) (*hosts.Host, error) {
	name := r.URL.Query().Get("host")
	for _, h := range s.o.Hosts {
		if h.State().Name == name || name == "" && len(s.o.Hosts) == 1 {
			return h, nil
		}
	}
	return nil, fmt.Errorf("no host %.100q: %w", name, errdefs.ErrNotFound)
}

// hostContainer returns the host and the container that a request names, if the host has it: what is passed on to a
// daemon is an ID that it has said itself.
func (s *Server) hostContainer(r *http.Request) (*hosts.Host, string, error) {
	h, err := s.host(r)
	if err != nil {
		return nil, "", err
	}
	id := r.PathValue("id")
	set := h.State().Set
	if set == nil {
		return nil, "", errors.Join(fmt.Errorf("the host %s has not answered yet", h.State().Name),
			errdefs.ErrUnavailable)
	}
	for i := range set.Containers {
		if set.Containers[i].ID == id {
			return h, id, nil
		}
	}
	return nil, "", fmt.Errorf("no container %.100q: %w", id, errdefs.ErrNotFound)
}
