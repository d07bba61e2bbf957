package netapi

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"

	"box/netapi/wire"
	"box/panics"
)

// reply knows whether it has begun: until then an error can be its status.
type reply struct {
	http.ResponseWriter
	begun  bool
	status int // as it was sent; of a stream that took its connection over, 101
}

// WriteHeader implements http.ResponseWriter.
func (p *reply) WriteHeader(status int) {
	p.begun = p.begun || status >= http.StatusOK
	p.status = status
	p.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (p *reply) Write(b []byte) (int, error) {
	p.begin()
	return p.ResponseWriter.Write(b)
}

// begin notes the status that a reply has when none is said.
func (p *reply) begin() {
	if p.begun = true; p.status == 0 {
		p.status = http.StatusOK
	}
}

// ReadFrom lets what is below take a file whole.
func (p *reply) ReadFrom(r io.Reader) (int64, error) {
	p.begin()
	return io.Copy(p.ResponseWriter, r)
}

// Hijack gives the connection away.
func (p *reply) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	p.begun, p.status = true, http.StatusSwitchingProtocols
	return http.NewResponseController(p.ResponseWriter).Hijack()
}

// Unwrap lets a ResponseController reach what is below.
func (p *reply) Unwrap() http.ResponseWriter { return p.ResponseWriter }

// recovered is deferred around a handler: one that panics answers that it did, or breaks the connection of a reply
// that has begun.
func (s *Server) recovered(w *reply, r *http.Request) {
	v := recover()
	if v == nil {
		return
	}
	if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(v) // wanted
	}
	err := s.accounted(r, panics.Of(v))
	if w.begun {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Connection", "close") // who knows what of the body was read
	_ = wire.WriteError(w, http.StatusInternalServerError, err.Error(), false)
}

// accounted is err as the client is told it. A panic, of the handler or of a goroutine that it started, goes into the
// log with its stack, and the client gets the number under which it is there. One of a full disk says which and what
// to do.
func (s *Server) accounted(r *http.Request, err error) error {
	var p *panics.Error
	if !errors.As(err, &p) {
		return s.e.Explain(err)
	}
	id := rand.Text()
	s.log.Error("panic in a request", "id", id, "method", r.Method, "path", r.URL.Path, "panic", fmt.Sprint(p.Value),
		"stack", string(p.Stack))
	return fmt.Errorf("internal error %s: the daemon's log has more under this number", id)
}
