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

// Limits that hold for every client.
const (
	maxHeader  = 1 << 20          // bytes of a request's head
	headerWait = 30 * time.Second // for the whole head
	idleWait   = 3 * time.Minute  // between two requests of one connection
	maxBody    = 4 << 20          // bytes of a JSON body
)

// Server answers the API's requests from an engine.
type Server struct {
	e       *engine.Engine
	product Product
	log     *slog.Logger
	http    *http.Server
	router  *mux.Router
	busy    func()                           // called at each request
	admit   func(*tls.ConnectionState) error // asked at each request over TLS
	rules   atomic.Pointer[rules]

	mu        sync.Mutex
	hijacked  map[net.Conn]struct{} // connections that left the HTTP server
	fresh     map[net.Conn]struct{} // connections of which no request was read yet
	listeners []net.Listener
	closing   bool
}

// Product is what a server says that it is.
type Product struct {
	Release string // of Docker, for programs that compare versions
	Version string // box's own
	Lowest  string // version of the API that is spoken; "" for version.Min
}

// New makes a server for e; busy is called whenever a request begins or ends.
func New(e *engine.Engine, product Product, log *slog.Logger, busy func()) *Server {
	if product.Lowest == "" {
		product.Lowest = version.Min
	}
	s := &Server{busy: busy, e: e, product: product, log: log, hijacked: map[net.Conn]struct{}{},
		fresh: map[net.Conn]struct{}{}}
	s.router = s.routes()
	s.http = &http.Server{
		Handler: s, MaxHeaderBytes: maxHeader, ReadHeaderTimeout: headerWait, IdleTimeout: idleWait,
		ErrorLog: stdlog.New(&complaints{log: log}, "", 0), ConnState: s.note,
	}
	return s
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	s.busy()
	defer s.busy()
	w := &reply{ResponseWriter: out}
	defer s.recovered(w, r)
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

// handler answers one request or says why not; the error becomes the reply.
type handler func(s *Server, w http.ResponseWriter, r *http.Request) error

// wrap gives a handler what all share: the log, the headers, who may, the check of the version, the reply to an error.
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

// fail replies with an error, unless the reply has begun.
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

// hijack takes the connection of r out of the server; it is cut by Shutdown.
func (s *Server) hijack(w http.ResponseWriter, r *http.Request, mediaType string, extra http.Header) (*wire.Conn,
	func(), error) {
	c, err := wire.Hijack(w, r, mediaType, extra)
	if err != nil {
		return nil, nil, err
	}
	return c, s.hold(c.Conn), nil
}

// hold has a connection that left the server cut by Shutdown, until the function that it returns is called, which
// closes it.
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
