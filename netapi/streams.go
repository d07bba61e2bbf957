package netapi

import (
	"context"
	"net/http"
	"strconv"

	"box/engine"
	"box/engine/attach"
	"box/netapi/version"
	"box/netapi/wire"
)

// mediaType returns the media type of a container's stream.
func mediaType(r *http.Request, terminal bool) string {
	if !terminal && version.Of(r.Context()) >= 42 {
		return wire.MultiplexedStream
	}
	return wire.RawStream
}

func (s *Server) attachContainer(w http.ResponseWriter, r *http.Request) error {
	// A client may close its side of the connection and still read. If it is gone, writes fail.
	ctx := context.WithoutCancel(r.Context())
	a, err := s.e.Attach(ctx, name(r), attach.Options{
		Stdin: flag(r, "stdin"), Stdout: flag(r, "stdout"), Stderr: flag(r, "stderr"),
		Logs: flag(r, "logs"), Stream: flag(r, "stream"), DetachKeys: r.FormValue("detachKeys"),
	})
	if err != nil {
		return err
	}
	conn, done, err := s.hijack(w, r, mediaType(r, a.Terminal), nil)
	if err != nil {
		a.Close()
		return err
	}
	defer done()
	_ = a.Serve(conn)
	return nil
}

func (s *Server) containerLogs(w http.ResponseWriter, r *http.Request) error {
	o := engine.LogOptions{
		Stdout: flag(r, "stdout"), Stderr: flag(r, "stderr"), Timestamps: flag(r, "timestamps"),
		Details: flag(r, "details"), Follow: flag(r, "follow"), Tail: -1,
	}
	var err error
	if o.Since, err = moment(r.FormValue("since")); err != nil {
		return err
	}
	if o.Until, err = moment(r.FormValue("until")); err != nil {
		return err
	}
	if n, err := strconv.Atoi(r.FormValue("tail")); err == nil {
		o.Tail = n
	}
	log, err := s.e.Logs(name(r), o)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", mediaType(r, log.Terminal))
	w.WriteHeader(http.StatusOK)
	if !o.Follow {
		return quiet(log.Copy(r.Context(), w))
	}
	_ = http.NewResponseController(w).Flush()
	return quiet(log.Copy(r.Context(), newFlushWriter(w)))
}

// quiet ignores an error that cannot be sent, because the reply has begun.
func quiet(error) error { return nil }
