package certs

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"sync/atomic"
	"time"
)

// lookAgain is how often files are looked at while connections are open: what is revoked is cut within twice this
// time. With no connection open nothing wakes up.
const lookAgain = 400 * time.Millisecond

// Listen makes every connection of l one of TLS, by the files as they are when it is accepted. What Accept returns is
// a *tls.Conn that has not shaken hands yet; its NetConn is a *Conn.
func (s *Server) Listen(l net.Listener) net.Listener { return &listener{Listener: l, s: s} }

type listener struct {
	net.Listener
	s *Server
}

// Accept waits for the next connection.
func (l *listener) Accept() (net.Conn, error) {
	raw, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return l.s.wrap(raw), nil
}

// Conn is the connection under TLS. It is known to its Server until it is closed.
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

func (s *Server) wrap(raw net.Conn) *tls.Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refresh()
	c := &Conn{Conn: raw, s: s}
	config := s.current.config.Clone()
	config.VerifyConnection = func(state tls.ConnectionState) error {
		if !s.verify {
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

// watch looks at the files and comes again while connections are open.
func (s *Server) watch() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refresh()
	if len(s.open) > 0 {
		s.timer.Reset(lookAgain)
	}
}
