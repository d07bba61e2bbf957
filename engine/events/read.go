package events

import (
	"bytes"
	"os"
	"strconv"

	"github.com/moby/moby/api/types/events"
)

// place is where a listener reads on in the files.
type place struct {
	number int
	at     int64
}

// chunk is how much of a file is read at once.
const chunk = 64 << 10

// read returns the next events after a time, up to another; none: there are no more. Lines that are damaged are left
// out.
func (f *files) read(after, until int64, p *place) []events.Message {
	f.mu.Lock()
	all := f.all
	f.mu.Unlock()
	for _, number := range all {
		if number < p.number {
			continue
		}
		if number > p.number {
			*p = place{number: number}
		}
		if some := readFile(f.path(number), after, until, p); len(some) > 0 {
			return some
		}
	}
	return nil
}

// readFile reads on in a file until there is an event, or no more.
func readFile(path string, after, until int64, p *place) (some []events.Message) {
	file, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer file.Close()
	buf := make([]byte, chunk)
	for len(some) == 0 {
		n, _ := file.ReadAt(buf, p.at)
		lines := buf[:bytes.LastIndexByte(buf[:n], '\n')+1]
		switch {
		case len(lines) > 0:
		case n < len(buf): // the end, or a line that is being written
			return nil
		case len(buf) < 2*maxLine:
			buf = make([]byte, 2*len(buf))
			continue
		default: // no line is so long
			p.at += int64(n)
			continue
		}
		for len(lines) > 0 && len(some) < batch {
			text, rest, _ := bytes.Cut(lines, []byte("\n"))
			if number(text) > after {
				if m, ok := parse(text); ok {
					if m.TimeNano > until {
						return some
					}
					some, after = append(some, m), m.TimeNano
				}
			}
			p.at += int64(len(text)) + 1
			lines = rest
		}
	}
	return some
}

// number is the time at the begin of a line, or 0.
func number(text []byte) int64 {
	head, _, _ := bytes.Cut(text[:min(len(text), 20)], []byte(" "))
	n, _ := strconv.ParseInt(string(head), 10, 63)
	return n
}
