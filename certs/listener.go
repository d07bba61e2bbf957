package certs

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"sync/atomic"
	"time"
)

// lookAgain is how often files are checked while connections are open. A revoked client is disconnected within twice
// this time. Without connections there are no checks.
const lookAgain = 400 * time.Millisecond

// Listen returns a listener whose connections use TLS with the files as they are when the connection is accepted.
// Accept returns a *tls.Conn before its handshake; its NetConn is a *Conn.
func (s *Server) Listen(l net.Listener) net.Listener { return &listener{Listener: l, s: s} }

// ListenOptional is Listen for clients that may show no certificate. One that is shown must be good nevertheless.
func (s *Server) ListenOptional(l net.Listener) net.Listener {
	return &listener{Listener: l, s: s, optional: true}
}

type listener struct {
	net.Listener
	s        *Server
	optional bool
}

// Accept returns the next connection.
func (l *listener) Accept() (net.Conn, error) {
	raw, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return l.s.wrap(raw, l.optional), nil
}

// Conn is the connection below TLS. Its Server knows it until it is closed.
type Conn struct {
	net.Conn
	s      *Server
	client atomic.Pointer[[]*x509.Certificate] // set by the handshake
}

func (c *Conn) chain() []*x509.Certificate {
	if p := c.client.Load(); p != nil {
		return *p
	}
	return nil
}

// Close closes the connection.
func (c *Conn) Close() error {
	c.s.mu.Lock()
	delete(c.s.open, c)
	c.s.mu.Unlock()
	return c.Conn.Close()
}

func (s *Server) wrap(raw net.Conn, optional bool) *tls.Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refresh()
	c := &Conn{Conn: raw, s: s}
	config := s.current.config.Clone()
	if optional && s.verify {
		config.ClientAuth = tls.VerifyClientCertIfGiven
	}
	config.VerifyConnection = func(state tls.ConnectionState) error {
		if !s.verify || optional && len(state.PeerCertificates) == 0 {
			return nil
		}
		c.client.Store(&state.PeerCertificates)
		return s.Admit(state.PeerCertificates)
	}
	s.open[c] = struct{}{}
	if len(s.open) == 1 {
		s.timer = time.AfterFunc(lookAgain, s.watch)
	}
	return tls.Server(c, config)
}

// watch checks the files regularly while connections are open.
func (s *Server) watch() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refresh()
	if len(s.open) > 0 {
		s.timer.Reset(lookAgain)
	}
}
