package netapi

import (
	"crypto/tls"
	stdlog "log"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/mux"

	"box/engine"
	"box/netapi/version"
	"box/netapi/wire"
)

// Limits for all clients.
const (
	maxHeader  = 1 << 20          // size of the request line and headers, in bytes
	headerWait = 30 * time.Second // time for those
	idleWait   = 3 * time.Minute  // time between two requests on a connection
	maxBody    = 4 << 20          // size of a JSON body, in bytes
)

// Server serves the API of an engine.
type Server struct {
	e       *engine.Engine
	product Product
	log     *slog.Logger
	http    *http.Server
	router  *mux.Router
	busy    func()                           // called when a request begins or ends
	admit   func(*tls.ConnectionState) error // called at each request over TLS
	rules   atomic.Pointer[rules]

	mu        sync.Mutex
	hijacked  map[net.Conn]struct{} // connections that were hijacked
	fresh     map[net.Conn]struct{} // connections without a request so far
	listeners []net.Listener
	closing   bool
}

// Product is what the server reports about itself.
type Product struct {
	Release string // Docker's release, for programs that compare versions
	Version string // box's version
	Lowest  string // minimum version of the API; "": version.Min
}

// New makes a server for e. busy is called when a request begins or ends.
func New(e *engine.Engine, product Product, log *slog.Logger, busy func()) *Server {
	if product.Lowest == "" {
		product.Lowest = version.Min
	}
	s := &Server{busy: busy, e: e, product: product, log: log, hijacked: map[net.Conn]struct{}{},
		fresh: map[net.Conn]struct{}{}}
	s.router = s.routes()
	s.http = &http.Server{
		Handler: s, MaxHeaderBytes: maxHeader, ReadHeaderTimeout: headerWait, IdleTimeout: idleWait,
		ErrorLog: stdlog.New(&complaints{log: log}, "", 0), ConnState: s.note, ConnContext: inside,
	}
	return s
}

// ServeHTTP handles one request.
func (s *Server) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	s.busy()
	defer s.busy()
	w := &reply{ResponseWriter: out}
	defer s.recovered(w, r)
	r = behind(r)
	if r.Method == http.MethodOptions {
		w.WriteHeader(http.StatusOK)
		return
	}
	if !s.known(w, r) {
		return
	}
	if name := clientName(r); name != "" {
		r = r.WithContext(engine.WithClient(r.Context(), name))
	}
	s.router.ServeHTTP(w, r)
}

// handler handles one request. If it returns an error, that becomes the reply.
type handler func(s *Server, w http.ResponseWriter, r *http.Request) error

// wrap adds to a handler what all share: logging, headers, authorization, the check of the version, and the reply to an
// error.
func (s *Server) wrap(one *route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		defer s.logRequest(r)(w)
		s.setHeaders(w.Header())
		err := s.authorized(w, r, one, func(w http.ResponseWriter, r *http.Request) error {
			v, err := version.OfPath(mux.Vars(r)["version"], s.product.Lowest)
			if err != nil {
				return err
			}
			return one.do(s, w, r.WithContext(version.With(r.Context(), v)))
		})
		if err != nil {
			s.fail(w, r, err)
		}
	}
}

func (s *Server) setHeaders(h http.Header) {
	h.Set("Api-Version", version.Max)
	h.Set("Docker-Experimental", strconv.FormatBool(s.e.Experimental()))
	h.Set("Ostype", runtime.GOOS)
	h.Set("Server", "Docker/"+s.product.Release+" (linux)")
}

// fail replies with an error.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	err = s.accounted(r, err)
	status := statusOf(err)
	s.log.Debug("request refused", "method", r.Method, "path", r.URL.Path, "status", status, "error", err)
	if status == http.StatusNotModified {
		w.WriteHeader(status)
		return
	}
	_ = wire.WriteError(w, status, err.Error(), false)
}

// hijack takes a connection over from the server. Shutdown closes it.
func (s *Server) hijack(w http.ResponseWriter, r *http.Request, mediaType string, extra http.Header) (*wire.Conn,
	func(), error) {
	c, err := wire.Hijack(w, r, mediaType, extra)
	if err != nil {
		return nil, nil, err
	}
	return c, s.hold(c.Conn), nil
}

// hold makes Shutdown close a hijacked connection. done closes it now.
func (s *Server) hold(c net.Conn) (done func()) {
	s.mu.Lock()
	s.hijacked[c] = struct{}{}
	s.mu.Unlock()
	return func() {
		c.Close()
		s.mu.Lock()
		delete(s.hijacked, c)
		s.mu.Unlock()
	}
}
