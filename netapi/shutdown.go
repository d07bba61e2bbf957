package netapi

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"
)

// Serve serves the connections of l until Shutdown.
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

// note records changes of a connection's state.
func (s *Server) note(c net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if state == http.StateNew {
		s.fresh[c] = struct{}{}
	} else {
		delete(s.fresh, c)
	}
}

// freshWait limits how long Shutdown waits for the first requests of new connections.
const freshWait = 500 * time.Millisecond

// Shutdown closes the listeners, waits for requests under way until ctx ends, and closes the remaining connections. It
// first waits for requests of connections that were just accepted, because http.Server.Shutdown would close those.
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

// answerFresh waits until all new connections have sent a request, plus a moment.
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
