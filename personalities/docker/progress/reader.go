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

// Counter counts what passes.
type Counter struct {
	R     io.Reader
	N     int64
	Ended bool
}

// Read reads and counts.
func (c *Counter) Read(p []byte) (int, error) {
	n, err := c.R.Read(p)
	c.N += int64(n)
	c.Ended = c.Ended || errors.Is(err, io.EOF)
	return n, err
}

// Times of a Reader.
const (
	quietFor    = time.Second            // nothing is said of what is done sooner
	redrawEvery = 100 * time.Millisecond // between two looks in a terminal
	lineEvery   = 10 * time.Second       // between two lines elsewhere
)

// reader passes a stream on and tells on standard error how much has gone by, once it takes long: in a terminal one
// line drawn again and again, else a line now and then.
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
	ended   bool // all of the stream has gone by
}

// Reader begins to tell of a stream of total bytes, 0 when that is not known; done draws the end.
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

// end shows all that went by, and goes to the next line.
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

// SizeOfFile is how long a stream is when it is a file, else 0.
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
