package netapi

import (
	"io"
	"net/http"

	"box/engine/progress"
	"box/netapi/version"
	"box/netapi/wire"
)

// lineStream writes JSON lines; until the first one, an error can still be a status.
type lineStream struct {
	w     http.ResponseWriter
	out   *wire.JSONWriter
	v     version.Version
	began bool
}

// progressing replies with the lines that do writes. The body of the request may be read meanwhile, and what do
// leaves of it is read to its end, so that a client that sends all before it looks at the reply gets it, and can go
// on with the connection.
func (s *Server) progressing(w http.ResponseWriter, r *http.Request, do func(*lineStream) error) {
	c := http.NewResponseController(w)
	_ = c.EnableFullDuplex() // without it the server would drop some of the body; always so over HTTP/2
	p := &lineStream{w: w, out: wire.NewJSONWriter(w), v: version.Of(r.Context())}
	switch err := do(p); {
	case err != nil && p.began:
		_ = p.out.Fail(s.accounted(r, err))
	case err != nil:
		s.fail(w, r, err)
	}
	_ = c.Flush()
	// Go's server must not meet the end of the body after the handler: it would then read the connection twice at once.
	_, _ = io.Copy(io.Discard, r.Body)
}

// begin sends the head: from here on an error is a line.
func (p *lineStream) begin() {
	if p.began {
		return
	}
	p.began = true
	p.w.Header().Set("Content-Type", "application/json")
	p.w.WriteHeader(http.StatusOK)
}

// write sends a line; it is called by one goroutine at a time.
func (p *lineStream) write(line progress.Line) error {
	p.begin()
	if p.v >= 52 {
		line.Bar = "" // drawn by clients since
	}
	return p.out.Write(line)
}

// counting tells whether a reply has begun.
type counting struct {
	w     io.Writer
	bytes int64
}

func (c *counting) Write(p []byte) (int, error) {
	c.bytes += int64(len(p))
	return c.w.Write(p)
}

// cutOff is the error of a reply that has not begun; else it ends the connection, so that nobody takes what was sent
// for whole.
func cutOff(c *counting, err error) error {
	if c.bytes > 0 {
		panic(http.ErrAbortHandler)
	}
	return err
}
