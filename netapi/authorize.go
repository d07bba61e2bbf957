package netapi

import (
	"bufio"
	"bytes"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/containerd/errdefs"

	"box/engine/refuse"
	"box/netapi/authz"
)

// rules decide about requests; a nil part allows everything.
type rules struct {
	plugins *authz.Chain
	policy  *authz.Policy
}

// Authorize sets the rules for requests from now on; nil allows everything.
func (s *Server) Authorize(plugins *authz.Chain, policy *authz.Policy) {
	old := s.rules.Swap(&rules{plugins, policy})
	if old != nil && old.plugins != nil && old.plugins != plugins {
		old.plugins.Close()
	}
}

// local tells whether a request came over a unix socket, where the permissions of the file decide. One that comes from
// within the process for who has shown a certificate does not.
func local(r *http.Request) bool {
	a, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return ok && a.Network() == "unix" && r.TLS == nil
}

// clientName returns the name in the client's certificate, or "".
func clientName(r *http.Request) string {
	if r.TLS == nil {
		return ""
	}
	return peerName(r.TLS)
}

// authorized calls do if the policy and the plugins allow the request, and sends its reply if the plugins allow that.
func (s *Server) authorized(w http.ResponseWriter, r *http.Request, one *route,
	do func(http.ResponseWriter, *http.Request) error) error {
	now := s.rules.Load()
	if now == nil {
		return do(w, r)
	}
	if now.policy != nil && !local(r) {
		if err := now.policy.Check(clientName(r), one.reads()); err != nil {
			s.log.Warn("request refused", "from", r.RemoteAddr, "certificate", clientName(r), "method", r.Method, "path",
				r.URL.Path, "reason", err)
			return err
		}
	}
	if now.plugins == nil {
		return do(w, r)
	}
	q := &authz.Request{RequestMethod: r.Method, RequestURI: canonicalURI(r.URL), RequestHeaders: flatHeaders(r.Header)}
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		q.User, q.UserAuthNMethod = peerName(r.TLS), "TLS"
		for _, c := range r.TLS.PeerCertificates {
			q.RequestPeerCertificates = append(q.RequestPeerCertificates,
				pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
		}
	}
	var err error
	if q.RequestBody, err = wholeBody(r); err != nil {
		return err
	}
	if one.path == "/auth" {
		q.RequestBody = nil // a password, as Docker keeps it back
	}
	if err := now.plugins.Ask(r.Context(), q); err != nil {
		return err
	}
	held := &heldReply{ResponseWriter: w, ask: func(h *heldReply) error {
		q.ResponseStatusCode, q.ResponseHeaders, q.ResponseBody = h.status, flatHeaders(h.Header()), nil
		if isJSON(h.Header().Get("Content-Type")) {
			q.ResponseBody = h.body.Bytes()
		}
		return now.plugins.AskReply(r.Context(), q)
	}}
	if err := do(held, r); err != nil && held.failed == nil {
		return err
	}
	return held.finish()
}

// canonicalURI returns the URI as the router understands it. Otherwise a plugin that looks for /containers/create could
// be bypassed by /containers/creat%65 or http://host/containers/create.
func canonicalURI(u *url.URL) string {
	return (&url.URL{Path: u.Path, RawQuery: u.RawQuery}).RequestURI()
}

// reads tells whether requests of the route only read. Attaching can write to a container.
func (r *route) reads() bool {
	return (r.method == http.MethodGet || r.method == http.MethodHead) && !strings.HasSuffix(r.path, "/attach/ws")
}

// flatHeaders returns one value for each header, without credentials.
func flatHeaders(h http.Header) map[string]string {
	out := map[string]string{}
	for name, values := range h {
		if name != "X-Registry-Auth" && name != "X-Registry-Config" && name != "Authorization" && len(values) > 0 {
			out[name] = values[len(values)-1]
		}
	}
	return out
}

func isJSON(contentType string) bool {
	t, _, err := mime.ParseMediaType(contentType)
	return err == nil && t == "application/json"
}

// wholeBody reads a JSON body as a whole, so that plugins see all that a handler will see. As with Docker's daemon,
// plugins do not see other bodies, which handlers treat as streams of bytes. Forms are refused, because they could
// contain parameters.
func wholeBody(r *http.Request) ([]byte, error) {
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		return nil, nil
	}
	sort := r.Header.Get("Content-Type")
	if t, _, err := mime.ParseMediaType(sort); sort != "" &&
		(err != nil || strings.HasPrefix(t, "multipart/") || t == "application/x-www-form-urlencoded") {
		return nil, refuse.Invalid("authorization plugins cannot check a body of type %q", sort)
	}
	if !isJSON(sort) {
		return nil, nil // no handler reads parameters in it
	}
	raw, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", err, errdefs.ErrInvalidArgument)
	}
	if len(raw) > maxBody {
		return nil, &http.MaxBytesError{Limit: maxBody}
	}
	r.Body = io.NopCloser(bytes.NewReader(raw))
	return raw, nil
}

// heldReply delays a reply until the plugins have seen it, or its beginning if it becomes a stream.
type heldReply struct {
	http.ResponseWriter
	ask    func(*heldReply) error
	status int
	body   bytes.Buffer
	passed bool  // the plugins allowed it
	failed error // the plugins refused it
}

// WriteHeader implements http.ResponseWriter.
func (h *heldReply) WriteHeader(status int) {
	if h.status == 0 {
		h.status = status
	}
}

// Write implements http.ResponseWriter.
func (h *heldReply) Write(p []byte) (int, error) {
	h.WriteHeader(http.StatusOK)
	switch {
	case h.failed != nil:
		return 0, h.failed
	case h.passed:
		return h.ResponseWriter.Write(p)
	}
	n, err := h.body.Write(p)
	if h.body.Len() > maxBody {
		err = h.finish()
	}
	return n, err
}

// finish asks the plugins once, and sends what was delayed.
func (h *heldReply) finish() error {
	if h.passed || h.failed != nil {
		return h.failed
	}
	h.WriteHeader(http.StatusOK)
	if err := h.ask(h); err != nil {
		h.failed = err
		clear(h.Header())
		return err
	}
	h.passed = true
	h.ResponseWriter.WriteHeader(h.status)
	_, err := h.ResponseWriter.Write(h.body.Bytes())
	if errors.Is(err, http.ErrBodyNotAllowed) {
		return nil
	}
	return err
}

// FlushError sends what there is; from here on the reply is a stream.
func (h *heldReply) FlushError() error {
	if err := h.finish(); err != nil {
		return err
	}
	return http.NewResponseController(h.ResponseWriter).Flush()
}

// Unwrap lets a ResponseController reach the wrapped writer.
func (h *heldReply) Unwrap() http.ResponseWriter { return h.ResponseWriter }

// Hijack passes the connection on. As with Docker's daemon, the plugins have seen the request, and do not see the
// stream.
func (h *heldReply) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	h.passed = true
	return http.NewResponseController(h.ResponseWriter).Hijack()
}
