package web

import (
	"errors"
	"fmt"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/containerd/errdefs"

	"box/netapi/wire"
)

// handler answers a request. If it returns an error, that becomes the reply.
type handler func(s *Server, w http.ResponseWriter, r *http.Request) error

// ServeHTTP answers a request after the checks that all share: nothing is answered to a page of another origin, to a
// name that was made to point here, or to a certificate that was taken back.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	harden(w.Header())
	if err := s.checkSource(r); err != nil {
		s.o.Log.Debug("monitor: request refused", "from", r.RemoteAddr, "path", r.URL.Path, "reason", err)
		fail(w, err)
		return
	}
	s.mux.ServeHTTP(w, r)
}

// extend gives the client writeWait from now on to take what is written.
func extend(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeWait)) // of connections, which have them
}

// harden sets the headers that bind browsers.
func harden(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "+
		"img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

func refused(format string, args ...any) error {
	return fmt.Errorf(format+": %w", append(args, errdefs.ErrPermissionDenied)...)
}

// checkSource checks by which name the page was reached, that no other page asks, and the certificate if there is one.
func (s *Server) checkSource(r *http.Request) error {
	if r.Method == http.MethodConnect || !s.hostFits(r) {
		return refused("the page is not known by the name %.100q", r.Host)
	}
	if origin := r.Header.Get("Origin"); origin != "" && !sameOrigin(origin, r) {
		return refused("a page of %.100q asks", origin)
	}
	site := r.Header.Get("Sec-Fetch-Site")
	// a link to the page is none of its data
	if (site == "cross-site" || site == "same-site") && strings.HasPrefix(r.URL.Path, "/api/") {
		return refused("a page of another site asks")
	}
	if s.o.Secure != nil && r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		if err := s.o.Secure.Admit(r.TLS.PeerCertificates); err != nil {
			return errors.Join(err, errdefs.ErrPermissionDenied)
		}
	}
	return nil
}

// hostFits tells whether the Host header is one of ours. A name of somebody else's that resolves to our address (DNS
// rebinding) is not; an address cannot be made to point elsewhere.
func (s *Server) hostFits(r *http.Request) bool {
	name := hostname(r.Host)
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	names := s.o.Names
	if s.o.Secure != nil { // whose certificate may be another one by now
		names = slices.Concat(names, s.o.Secure.Hosts())
	}
	return name == "localhost" || slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
}

// hostname returns the host of a Host header without its port, brackets and final dot, in lower case.
func hostname(header string) string {
	name, _, err := net.SplitHostPort(header)
	if err != nil {
		name = header
	}
	name = strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
	return strings.ToLower(strings.TrimSuffix(name, "."))
}

func sameOrigin(origin string, r *http.Request) bool {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	u, err := url.Parse(origin)
	return err == nil && u.Scheme == scheme && strings.EqualFold(u.Host, r.Host)
}

// answered replies with the errors of a handler.
func (s *Server) answered(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h(s, w, r); err != nil {
			fail(w, err)
		}
	})
}

// fail replies with an error, in the shape of the API's.
func fail(w http.ResponseWriter, err error) {
	status := http.StatusBadGateway
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &long):
		status = http.StatusRequestEntityTooLarge
	case errdefs.IsNotFound(err):
		status = http.StatusNotFound
	case errdefs.IsInvalidArgument(err):
		status = http.StatusBadRequest
	case errdefs.IsConflict(err) || errdefs.IsFailedPrecondition(err):
		status = http.StatusConflict
	case errdefs.IsUnauthorized(err):
		status = http.StatusUnauthorized
	case errdefs.IsPermissionDenied(err):
		status = http.StatusForbidden
	case errdefs.IsResourceExhausted(err):
		status = http.StatusTooManyRequests
	case errdefs.IsUnavailable(err):
		status = http.StatusServiceUnavailable
	}
	extend(w)
	_ = wire.WriteError(w, status, strings.TrimSpace(err.Error()), false) // or the client is gone
}

// ownHeader is on all requests that act. Forms and images of other sites cannot set it.
const ownHeader = "X-Box-Monitor"

// holders lets only those act who may, and only from our page or from a program.
func (s *Server) holders(h handler) handler {
	return func(s *Server, w http.ResponseWriter, r *http.Request) error {
		if err := s.checkHolder(r); err != nil {
			return err
		}
		if r.Header.Get(ownHeader) == "" {
			return refused("a request that acts has the header %s", ownHeader)
		}
		if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/json" {
			return fmt.Errorf("the body is not application/json: %w", errdefs.ErrInvalidArgument)
		}
		s.o.Log.Info("monitor: request", "from", r.RemoteAddr, "by", holderName(r), "path", r.URL.Path)
		return h(s, w, r)
	}
}
