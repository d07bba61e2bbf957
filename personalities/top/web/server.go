// Package web serves the monitor's page: what the daemons of `box top` measure, live and in the past, in a browser.
// Everybody who reaches the port may look; only who shows a certificate of the authority, or the token, may act.
//
// All that the page needs is in the file. What it shows comes from few routes: one stream of server-sent events with
// the measurements of all hosts, and one request for each thing that is opened. See routes.
package web

import (
	"crypto/tls"
	"io"
	stdlog "log"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"box/certs"
	"box/netapi/client"
	"box/personalities/top/hosts"
)

// Options say what is shown, and to whom.
type Options struct {
	Hosts  []*hosts.Host
	Secure *certs.Server // whose certificates are accepted; nil: the page is served without TLS
	Token  string        // path of a file with the token; empty: there is none
	Names  []string      // by which browsers may reach the page, beside localhost, addresses and those of the certificate
	Log    *slog.Logger

	// Wrong returns what is wrong on a host, in sentences. nil: nobody looks.
	Wrong func(host string) []string

	// As returns a client that acts for the holder of a certificate, so that the daemon's own rules for that name hold,
	// and what frees it. nil: the host's client acts for all.
	As func(*tls.ConnectionState) (*client.Client, func(), error)
}

// Limits for all clients.
const (
	maxHeader      = 16 << 10         // size of the request line and headers, in bytes
	maxBody        = 64 << 10         // size of a request's body, in bytes
	headerWait     = 10 * time.Second // time for the headers of a request, and for its body
	writeWait      = 20 * time.Second // time in which a client must take what was written
	idleWait       = 30 * time.Second // time between two requests on a connection
	maxConnections = 128
	maxStreams     = 32 // pages; logs and pulls together
	maxTurns       = 4  // requests that search the past or the disk, at once
)

// Server serves the page. It measures only while a page is open.
type Server struct {
	o        Options
	mux      *http.ServeMux
	files    map[string]asset
	hub      *hub
	shells   shells
	streams  chan struct{} // logs and pulls that are read
	turns    chan struct{} // requests that search the past or the disk
	http     *http.Server
	bodyWait time.Duration // time for a request's body
	done     chan struct{} // closed by Close
	closing  sync.Once
}

// New returns a server. It does nothing before Serve.
func New(o Options) (*Server, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	if o.Token != "" {
		if _, err := readToken(o.Token); err != nil {
			return nil, err
		}
	}
	files, err := openAssets(packed)
	if err != nil {
		return nil, err
	}
	s := &Server{o: o, files: files, hub: newHub(o.Hosts, o.Wrong), streams: make(chan struct{}, maxStreams),
		turns: make(chan struct{}, maxTurns), done: make(chan struct{}), bodyWait: headerWait}
	s.mux = s.routes()
	s.http = &http.Server{Handler: s, MaxHeaderBytes: maxHeader, ReadHeaderTimeout: headerWait, IdleTimeout: idleWait,
		ErrorLog: stdlog.New(debugLog{o.Log}, "", 0)}
	return s, nil
}

// debugLog takes what net/http says about clients, which anybody can cause.
type debugLog struct{ log *slog.Logger }

// Write logs a message.
func (d debugLog) Write(line []byte) (int, error) {
	d.log.Debug("monitor: " + string(line))
	return len(line), nil
}

// Serve serves the page on listeners of Listen until Close.
func (s *Server) Serve(l *Listener) error {
	err := s.http.Serve(l)
	select {
	case <-s.done:
		return nil
	default:
		return err
	}
}

// Close ends the listeners, all connections and the measuring, and waits for that. The hosts stay open.
func (s *Server) Close() {
	s.closing.Do(func() { close(s.done) })
	_ = s.http.Close() // of the connections, whose ends are not of interest
	s.hub.close()
	s.shells.close()
}

// routes is all that the server answers.
func (s *Server) routes() *http.ServeMux {
	m := http.NewServeMux()
	read := func(pattern string, h handler) { m.Handle("GET "+pattern, s.answered(h)) }
	act := func(pattern string, h handler) { m.Handle("POST "+pattern, s.answered(s.holders(h))) }

	read("/", (*Server).asset)
	read("/api/hosts", (*Server).hostList)
	read("/api/stream", (*Server).stream)
	read("/api/history", inTurn((*Server).history))
	read("/api/sparks", inTurn((*Server).sparks))
	read("/api/events", inTurn((*Server).events))
	read("/api/disk", inTurn((*Server).disk))
	read("/api/containers/{id}", (*Server).container)
	read("/api/containers/{id}/top", (*Server).processes)
	read("/api/containers/{id}/log", (*Server).logs)
	read("/api/shells/{ticket}", (*Server).shell) // a WebSocket; who has the ticket was a holder

	act("/api/containers/{id}/shell", (*Server).openShell)
	act("/api/shells/{ticket}/size", (*Server).resizeShell)
	act("/api/containers/{id}/{verb}", (*Server).containerAction)
	act("/api/images/{verb}", (*Server).imageAction)
	act("/api/volumes/{verb}", (*Server).volumeAction)
	act("/api/networks/{verb}", (*Server).networkAction)
	return m
}
