package netapi

import (
	"context"
	"net/http"

	"box/engine/attach"
	"box/netapi/version"
	"box/netapi/wire"
)

// attachWebSocket attaches a browser. Messages carry raw bytes; they are binary from API 1.28 on. Up to 1.41 all
// streams are attached whatever the query says.
func (s *Server) attachWebSocket(w http.ResponseWriter, r *http.Request) error {
	o := attach.Options{
		Stdin: true, Stdout: true, Stderr: true, Raw: true,
		Logs: flag(r, "logs"), Stream: flag(r, "stream"), DetachKeys: r.FormValue("detachKeys"),
	}
	v := version.Of(r.Context())
	if v >= 42 {
		o.Stdin, o.Stdout, o.Stderr = flag(r, "stdin"), flag(r, "stdout"), flag(r, "stderr")
	}
	a, err := s.e.Attach(context.WithoutCancel(r.Context()), name(r), o)
	if err != nil {
		return err
	}
	conn, err := wire.AcceptWebSocket(w, r, v >= 28)
	if err != nil {
		a.Close()
		return err
	}
	defer s.hold(conn.Conn)()
	_ = a.Serve(conn)
	return nil
}
