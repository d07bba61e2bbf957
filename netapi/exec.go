package netapi

import (
	"io"
	"net/http"
	"sync"

	"github.com/gorilla/mux"
	"github.com/moby/moby/api/types/common"
	api "github.com/moby/moby/api/types/container"

	"box/engine/attach"
	"box/netapi/wire"
)

func (s *Server) createExec(w http.ResponseWriter, r *http.Request) error {
	var q api.ExecCreateRequest
	if err := readJSON(w, r, &q); err != nil {
		return err
	}
	id, err := s.e.ExecCreate(r.Context(), name(r), q)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusCreated, common.IDResponse{ID: id})
}

func (s *Server) inspectExec(w http.ResponseWriter, r *http.Request) error {
	x, err := s.e.ExecInspect(r.Context(), mux.Vars(r)["id"])
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, x)
}

// startExec runs an exec. As in Docker, an error of the runtime is written to the stream, where clients look for it.
func (s *Server) startExec(w http.ResponseWriter, r *http.Request) error {
	var q api.ExecStartRequest
	if err := readJSON(w, r, &q); err != nil {
		return err
	}
	if q.Detach {
		if _, err := s.e.ExecStart(r.Context(), name(r), q, nil); err != nil {
			return err
		}
		w.WriteHeader(http.StatusOK)
		return nil
	}
	var conn *wire.Conn
	var done func()
	terminal := false
	a, err := s.e.ExecStart(r.Context(), name(r), q, func(tty bool) (err error) {
		terminal = tty
		conn, done, err = s.hijack(w, r, mediaType(r, tty), s.execHeaders())
		return err
	})
	if conn == nil {
		return err
	}
	defer done()
	conn.Taken()
	if err != nil {
		return execFailed(conn, s.accounted(r, err), terminal)
	}
	_ = a.Serve(conn)
	return nil
}

func (s *Server) execHeaders() http.Header {
	h := http.Header{}
	s.setHeaders(h)
	return h
}

// execFailed writes to the stream why an exec did not start.
func execFailed(conn *wire.Conn, failed error, terminal bool) error {
	out := io.Writer(conn)
	if !terminal {
		out = wire.NewFrameWriter(conn, new(sync.Mutex), wire.Stdout)
	}
	_, _ = io.WriteString(out, failed.Error()+"\r\n")
	attach.End(conn)
	return nil
}

func (s *Server) resizeExec(w http.ResponseWriter, r *http.Request) error {
	h, wd, err := size(r)
	if err != nil {
		return err
	}
	if err := s.e.ExecResize(r.Context(), name(r), h, wd); err != nil {
		return err
	}
	w.WriteHeader(http.StatusOK)
	return nil
}
