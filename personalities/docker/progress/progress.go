// Package progress shows the progress of transfers, in a terminal or as lines of a log.
package progress

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/docker/go-units"
	"golang.org/x/term"

	"box/netapi/wire"
	"box/personalities/docker/session"
)

// ShowProgress prints a progress stream. In a terminal each item has a line with a bar that is redrawn; otherwise each
// change of status is a line. If aux is not nil, it receives the parts that are meant for programs. An error in the
// stream is returned.
func ShowProgress(s *session.Session, w io.Writer, body io.Reader, aux func(json.RawMessage)) error {
	d := display{w: w, lines: map[string]int{}, plain: s.Env.Getenv("NO_COLOR") != ""}
	if fd, ok := session.Terminal(w); ok {
		d.tty, d.fd = true, fd
	}
	r := wire.NewJSONReader(body)
	for {
		var m wire.Message
		switch err := r.Read(&m); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if m.ErrorOf != nil {
			return errors.New(m.ErrorOf.Message)
		}
		if m.Error != "" {
			return errors.New(m.Error)
		}
		if m.Aux != nil {
			if aux != nil {
				aux(m.Aux)
			}
			continue
		}
		if err := d.show(&m); err != nil {
			return err
		}
	}
}

// display is the state of the lines on the screen.
type display struct {
	w     io.Writer
	tty   bool
	plain bool // NO_COLOR is set
	fd    int
	lines map[string]int // item -> its line, counted from the first
	last  string         // the last line printed, without a terminal
}

func (d *display) show(m *wire.Message) error {
	if !d.tty {
		return d.line(m)
	}
	if m.ID == "" || (m.Detail == nil && m.Progress == "" && m.Status == "") {
		clear(d.lines) // what follows belongs below all that is drawn
		_, err := io.WriteString(d.w, d.text(m)+lineEnd(m))
		return err
	}
	at, known := d.lines[m.ID]
	if !known {
		at = len(d.lines)
		d.lines[m.ID] = at
		if _, err := io.WriteString(d.w, "\n"); err != nil {
			return err
		}
	}
	up := len(d.lines) - at
	// move up to the item's line, clear and write it, and move down again
	_, err := fmt.Fprintf(d.w, "\x1b[%dA\x1b[2K\r%s\r\x1b[%dB", up, d.text(m), up)
	return err
}

// line prints one line of a log. It omits progress within a status.
func (d *display) line(m *wire.Message) error {
	if m.Detail != nil && (m.Detail.Current > 0 || m.Progress != "") {
		return nil
	}
	text := d.text(m)
	if m.Stream == "" && text == d.last {
		return nil
	}
	d.last = text
	_, err := io.WriteString(d.w, text+lineEnd(m))
	return err
}

func lineEnd(m *wire.Message) string {
	if m.Stream != "" {
		return "" // brings its own
	}
	return "\n"
}

func (d *display) text(m *wire.Message) string {
	if m.Stream != "" {
		return m.Stream
	}
	text := m.Status
	if m.ID != "" {
		text = m.ID + ": " + text
	}
	if d.tty && m.Detail != nil {
		width := 80
		if w, _, err := term.GetSize(d.fd); err == nil && w > 0 {
			width = w
		}
		text += " " + bar(m.Detail, width-len(text)-1)
	}
	return text
}

// bar draws a progress bar of a given width: [=====> ] 1.2MB/3.4MB 5s
func bar(p *wire.Progress, width int) string {
	if p.Current <= 0 && p.Total <= 0 {
		return ""
	}
	current := units.HumanSize(float64(p.Current))
	if p.Units != "" {
		current = fmt.Sprintf("%d %s", p.Current, p.Units)
	}
	if p.Total <= 0 || p.Current > p.Total {
		return current
	}
	tail := fmt.Sprintf("%8v/%v", current, units.HumanSize(float64(p.Total)))
	if p.Units != "" {
		tail = fmt.Sprintf("%d/%d %s", p.Current, p.Total, p.Units)
	}
	if p.HideCounts {
		tail = ""
	}
	if p.Start > 0 && p.Current > 0 && p.Current < p.Total {
		spent := time.Since(time.Unix(p.Start, 0))
		left := time.Duration(float64(spent) / float64(p.Current) * float64(p.Total-p.Current)).Round(time.Second)
		tail += " " + left.String()
	}
	cells := min(50, width-len(tail)-3)
	if cells < 10 {
		return strings.TrimSpace(tail)
	}
	done := int(int64(cells) * p.Current / p.Total)
	drawn := strings.Repeat("=", done)
	if done < cells {
		drawn += ">" + strings.Repeat(" ", cells-done-1)
	}
	return "[" + drawn + "] " + tail
}
