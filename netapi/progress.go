package netapi

import (
	"io"
	"net/http"

	"box/engine"
	"box/netapi/wire"
)

// progress writes JSON lines; until the first one, an error can still be a status.
type progress struct {
	w     http.ResponseWriter
	out   *wire.JSONWriter
	v     apiVersion
	began bool
}

// newProgress begins a stream. The request's body may be read on while lines are sent: without being told so, the server would drop
// some of it.
func newProgress(w http.ResponseWriter, r *http.Request) *progress {
	_ = http.NewResponseController(w).EnableFullDuplex() // always so over HTTP/2
	return &progress{w: w, out: wire.NewJSONWriter(w), v: versionOf(r.Context())}
}

// write sends a line; it is called by one goroutine at a time.
func (p *progress) write(line engine.Progress) error {
	if !p.began {
		p.began = true
		p.w.Header().Set("Content-Type", "application/json")
		p.w.WriteHeader(http.StatusOK)
	}
	if p.v >= 52 {
		line.Bar = "" // drawn by clients since
	}
	return p.out.Write(line)
}

// end is the handler's result: once lines were sent, an error is the last of them.
func (p *progress) end(err error) error {
	if err == nil || !p.began {
		return err
	}
	return p.out.Fail(err)
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

// cutOff is the error of a reply that has not begun; else it ends the connection, so that nobody takes what was sent for whole.
func cutOff(c *counting, err error) error {
	if c.bytes > 0 {
		panic(http.ErrAbortHandler)
	}
	return err
}
