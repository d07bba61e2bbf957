package netapi

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"
)

// Serve answers what comes over l until Shutdown.
func (s *Server) Serve(l net.Listener) error {
	s.mu.Lock()
	s.listeners = append(s.listeners, l)
	closing := s.closing
	s.mu.Unlock()
	if closing {
		return l.Close()
	}
	err := s.http.Serve(l)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing || errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// note is told of each step of a connection.
func (s *Server) note(c net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if state == http.StateNew {
		s.fresh[c] = struct{}{}
	} else {
		delete(s.fresh, c)
	}
}

// freshWait bounds how long Shutdown waits for the requests of connections that have said nothing yet.
const freshWait = 500 * time.Millisecond

// Shutdown takes no more connections, waits until ctx ends for the requests under way, and cuts the rest. A
// connection that was let in a moment ago gets its answer: the HTTP server of Go would cut it, and nobody else can
// answer there.
func (s *Server) Shutdown(ctx context.Context) {
	s.mu.Lock()
	s.closing = true
	for _, l := range s.listeners {
		l.Close()
	}
	s.mu.Unlock()
	s.answerFresh(ctx)
	_ = s.http.Shutdown(ctx)
	_ = s.http.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.hijacked {
		c.Close()
	}
}

// answerFresh returns a moment after the last connection has begun its first request.
func (s *Server) answerFresh(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, freshWait)
	defer cancel()
	const pause = 5 * time.Millisecond // for the connection that was just accepted, and the request that was just read
	for waiting := true; waiting && ctx.Err() == nil; {
		time.Sleep(pause)
		s.mu.Lock()
		waiting = len(s.fresh) > 0
		s.mu.Unlock()
	}
}
