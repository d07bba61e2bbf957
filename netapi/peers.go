package netapi

import (
	"bytes"
	"crypto/tls"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"box/netapi/wire"
)

// Admit sets who decides, at each request that came over TLS, whether its client may still come in. It is called
// before Serve.
func (s *Server) Admit(decide func(*tls.ConnectionState) error) { s.admit = decide }

// known lets a request in, and writes who asks for what into the log. A client with a certificate is there by name
// whenever it may change something.
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

// peerName is what the client's certificate calls it.
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

// Handshakes that failed are told in the log, so many in a minute: whoever can reach the port can make them fail.
const (
	maxComplaints   = 60
	complaintWindow = time.Minute
)

// complaints turns what net/http says of connections into lines of the log.
type complaints struct {
	log *slog.Logger

	mu    sync.Mutex
	since time.Time
	count int
}

// Write takes one line.
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
