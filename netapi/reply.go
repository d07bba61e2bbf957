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

// reply records whether a reply has begun; before that, an error can become its status.
type reply struct {
	http.ResponseWriter
	begun  bool
	status int // as sent; 101 if the connection was hijacked
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

// begin records the default status.
func (p *reply) begin() {
	if p.begun = true; p.status == 0 {
		p.status = http.StatusOK
	}
}

// ReadFrom implements io.ReaderFrom, with which the server can use sendfile.
func (p *reply) ReadFrom(r io.Reader) (int64, error) {
	p.begin()
	return io.Copy(p.ResponseWriter, r)
}

// Hijack implements http.Hijacker.
func (p *reply) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	p.begun, p.status = true, http.StatusSwitchingProtocols
	return http.NewResponseController(p.ResponseWriter).Hijack()
}

// Unwrap lets a ResponseController reach the wrapped writer.
func (p *reply) Unwrap() http.ResponseWriter { return p.ResponseWriter }

// recovered is deferred around a handler. If the handler panics, it replies with an error, or breaks the connection if
// the reply has begun.
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

// accounted returns the error to send to the client. A panic is logged with its stack, and the client gets the ID of
// that message. Errors of a full disk say which disk, and what to do.
func (s *Server) accounted(r *http.Request, err error) error {
	var p *panics.Error
	if !errors.As(err, &p) {
		return s.e.Explain(err)
	}
	id := rand.Text()
	s.log.Error("panic in a request", "id", id, "method", r.Method, "path", r.URL.Path, "panic", fmt.Sprint(p.Value),
		"stack", string(p.Stack))
	return fmt.Errorf("internal error %s: see this ID in the daemon's log", id)
}
