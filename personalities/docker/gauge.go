package docker

import (
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/term"

	"box/netapi/wire"
)

// Times of a gauge.
const (
	gaugeAfter = time.Second            // nothing is said of what is done sooner
	gaugeDraws = 100 * time.Millisecond // between two looks in a terminal
	gaugeLines = 10 * time.Second       // between two lines elsewhere
)

// gauge passes a stream on and tells on standard error how much has gone by, once it takes long: in a terminal one line drawn again
// and again, else a line now and then.
type gauge struct {
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

// gauge begins to tell of a stream of total bytes, 0 when that is not known; done draws the end.
func (s *session) gauge(verb string, total int64, r io.Reader) (g *gauge, done func()) {
	g = &gauge{r: r, errw: s.errw, verb: verb, p: wire.Progress{Total: total}, now: time.Now, begun: time.Now(), columns: 80}
	if fd, ok := terminal(s.errw); ok {
		g.tty = true
		if w, _, err := term.GetSize(fd); err == nil && w > 0 {
			g.columns = w
		}
	}
	return g, g.end
}

// Read implements io.Reader.
func (g *gauge) Read(p []byte) (int, error) {
	n, err := g.r.Read(p)
	g.ended = g.ended || errors.Is(err, io.EOF)
	g.p.Current += int64(n)
	every := gaugeLines
	if g.tty {
		every = gaugeDraws
	}
	if now := g.now(); now.Sub(g.begun) >= gaugeAfter && now.Sub(g.said) >= every {
		g.said = now
		g.tell()
	}
	return n, err
}

func (g *gauge) tell() {
	text := g.verb + " " + bar(&g.p, g.columns-len(g.verb)-2)
	if !g.tty {
		fmt.Fprintln(g.errw, text)
		return
	}
	g.drawn = true
	fmt.Fprintf(g.errw, "\r\x1b[K%s", text)
}

// end shows all that went by, and goes to the next line.
func (g *gauge) end() {
	if !g.drawn {
		return
	}
	if g.ended {
		g.p.Total = g.p.Current
	}
	g.tell()
	fmt.Fprintln(g.errw)
}
