package netapi

import (
	"io"
	"net/http"

	"box/engine/progress"
	"box/netapi/version"
	"box/netapi/wire"
)

// lineStream writes lines of JSON. Before the first line, an error can still become the status.
type lineStream struct {
	w     http.ResponseWriter
	out   *wire.JSONWriter
	v     version.Version
	began bool
}

// progressing replies with the lines that do writes. do may read the body of the request at the same time. The rest of
// the body is read and dropped, so that clients that send everything before they read the reply can use the connection
// again.
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
	// If the server found the end of the body after the handler, it would read the connection twice at the same time.
	_, _ = io.Copy(io.Discard, r.Body)
}

// begin sends the header; later errors become a line.
func (p *lineStream) begin() {
	if p.began {
		return
	}
	p.began = true
	p.w.Header().Set("Content-Type", "application/json")
	p.w.WriteHeader(http.StatusOK)
}

// write sends a line. It must not be called by several goroutines at the same time.
func (p *lineStream) write(line progress.Line) error {
	p.begin()
	if p.v >= 52 {
		line.Bar = "" // drawn by clients since
	}
	return p.out.Write(line)
}

// counting counts the bytes written, to tell whether a reply has begun.
type counting struct {
	w     io.Writer
	bytes int64
}

func (c *counting) Write(p []byte) (int, error) {
	c.bytes += int64(len(p))
	return c.w.Write(p)
}

// cutOff returns the error if the reply has not begun. Otherwise it breaks the connection, so that the client does not
// take the reply for complete.
func cutOff(c *counting, err error) error {
	if c.bytes > 0 {
		panic(http.ErrAbortHandler)
	}
	return err
}
