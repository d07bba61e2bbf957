package netapi

import (
	"bytes"
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"box/netapi/wire"
)

// Admit sets the function that decides at each request over TLS whether the client is still allowed. It must be called
// before Serve.
func (s *Server) Admit(decide func(*tls.ConnectionState) error) { s.admit = decide }

// Inside is a connection from within the process. Who is behind it may have shown a certificate to somebody else, who
// vouches for it.
type Inside interface {
	net.Conn
	Shown() *tls.ConnectionState // nil: nobody is behind it
}

type insideKey struct{}

// inside keeps with the requests of a connection from within the process whose they are.
func inside(ctx context.Context, c net.Conn) context.Context {
	if in, ok := c.(Inside); ok && in.Shown() != nil {
		return context.WithValue(ctx, insideKey{}, in.Shown())
	}
	return ctx
}

// behind returns a request as if who is behind it had connected here.
func behind(r *http.Request) *http.Request {
	if shown, ok := r.Context().Value(insideKey{}).(*tls.ConnectionState); ok {
		r = r.WithContext(r.Context())
		r.TLS = shown
	}
	return r
}

// known checks the client of a request over TLS, and logs requests that may change something with the name in the
// certificate.
func (s *Server) known(w http.ResponseWriter, r *http.Request) bool {
	if r.TLS == nil {
		return true
	}
	name := peerName(r.TLS)
	if s.admit != nil {
		if err := s.admit(r.TLS); err != nil {
			s.log.Warn("request refused", "from", r.RemoteAddr, "certificate", name, "method", r.Method, "path", r.URL.Path,
				"reason", err)
			w.Header().Set("Connection", "close")
			_ = wire.WriteError(w, http.StatusForbidden, err.Error(), false)
			return false
		}
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		s.log.Info("request", "from", r.RemoteAddr, "certificate", name, "method", r.Method, "path", r.URL.Path)
	}
	return true
}

// peerName returns the name in the client's certificate.
func peerName(c *tls.ConnectionState) string {
	if len(c.PeerCertificates) == 0 {
		return ""
	}
	leaf := c.PeerCertificates[0]
	if leaf.Subject.CommonName != "" {
		return leaf.Subject.CommonName
	}
	return leaf.Subject.String()
}

// Limit of log messages about failed handshakes, because anybody who reaches the port can cause them.
const (
	maxComplaints   = 60
	complaintWindow = time.Minute
)

// complaints writes messages of net/http to the log.
type complaints struct {
	log *slog.Logger

	mu    sync.Mutex
	since time.Time
	count int
}

// Write logs one message.
func (c *complaints) Write(line []byte) (int, error) {
	text := string(bytes.TrimSpace(line))
	rest, handshake := strings.CutPrefix(text, "http: TLS handshake error from ")
	from, reason, _ := strings.Cut(rest, ": ")
	if !handshake || reason == "EOF" || !c.room() { // EOF: somebody looked whether the port is open
		c.log.Debug(text)
		return len(line), nil
	}
	c.log.Warn("TLS connection refused", "from", from, "reason", reason)
	return len(line), nil
}

func (c *complaints) room() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); now.Sub(c.since) > complaintWindow {
		c.since, c.count = now, 0
	}
	c.count++
	return c.count <= maxComplaints
}
