package progress

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"

	"box/netapi/wire"
	"box/personalities/docker/session"
)

// Counter counts the bytes that are read through it.
type Counter struct {
	R     io.Reader
	N     int64
	Ended bool
}

// Read implements io.Reader.
func (c *Counter) Read(p []byte) (int, error) {
	n, err := c.R.Read(p)
	c.N += int64(n)
	c.Ended = c.Ended || errors.Is(err, io.EOF)
	return n, err
}

// Times of a reader.
const (
	quietFor    = time.Second            // progress starts after this time
	redrawEvery = 100 * time.Millisecond // in a terminal
	lineEvery   = 10 * time.Second       // without one
)

// reader passes a stream on and reports its progress on standard error: in a terminal on one line that is redrawn,
// otherwise on a line from time to time.
type reader struct {
	r       io.Reader
	errw    io.Writer
	verb    string
	p       wire.Progress
	now     func() time.Time
	begun   time.Time
	said    time.Time
	tty     bool
	columns int
	drawn   bool
	ended   bool // the stream was read to its end
}

// Reader reports the progress of a stream of total bytes, or of unknown length if total is 0. Call done at the end.
func Reader(s *session.Session, verb string, total int64, r io.Reader) (g *reader, done func()) {
	g = &reader{r: r, errw: s.Err, verb: verb, p: wire.Progress{Total: total}, now: time.Now, begun: time.Now(),
		columns: 80}
	if fd, ok := session.Terminal(s.Err); ok {
		g.tty = true
		if w, _, err := term.GetSize(fd); err == nil && w > 0 {
			g.columns = w
		}
	}
	return g, g.end
}

// Read implements io.Reader.
func (g *reader) Read(p []byte) (int, error) {
	n, err := g.r.Read(p)
	g.ended = g.ended || errors.Is(err, io.EOF)
	g.p.Current += int64(n)
	every := lineEvery
	if g.tty {
		every = redrawEvery
	}
	if now := g.now(); now.Sub(g.begun) >= quietFor && now.Sub(g.said) >= every {
		g.said = now
		g.tell()
	}
	return n, err
}

func (g *reader) tell() {
	text := g.verb + " " + bar(&g.p, g.columns-len(g.verb)-2)
	if !g.tty {
		fmt.Fprintln(g.errw, text)
		return
	}
	g.drawn = true
	fmt.Fprintf(g.errw, "\r\x1b[K%s", text)
}

// end prints the final progress if any was printed, and ends the line.
func (g *reader) end() {
	if !g.drawn {
		return
	}
	if g.ended {
		g.p.Total = g.p.Current
	}
	g.tell()
	fmt.Fprintln(g.errw)
}

// SizeOfFile returns the size of a stream that is a regular file, or 0.
func SizeOfFile(r io.Reader) int64 {
	f, ok := r.(*os.File)
	if !ok {
		return 0
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return 0
	}
	return info.Size()
}
