package keeper

import (
	"bytes"
	"errors"
	"io"
	"os"
	"slices"
	"sync"

	"box/engine/logs/driver"
	"box/engine/task"
)

// attach connects f to the streams. If the program has finished, it only closes f.
func (p *program) attach(o task.Attach, f *os.File) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.finished {
		f.Close()
		return
	}
	a := &attachment{opts: o, f: f}
	// Pumps walk the list without the lock, so append to a copy.
	p.attached = append(p.attached[:len(p.attached):len(p.attached)], a)
	p.pumps.Go(func() { p.pumpAttached(a) })
}

func (p *program) detach(a *attachment) {
	p.mu.Lock()
	defer p.mu.Unlock()
	kept := make([]*attachment, 0, len(p.attached))
	for _, other := range p.attached {
		if other != a {
			kept = append(kept, other)
		}
	}
	p.attached = kept
	a.f.Close()
}

// pumpAttached moves what a's client sends to the program's input.
func (p *program) pumpAttached(a *attachment) {
	a.flush()
	if a.ended() || !p.feed(a) {
		return
	}
	a.mu.Lock()
	a.eof = true
	a.mu.Unlock()
	switch {
	case !a.opts.Stdin:
		p.detach(a) // such a client never half-closes: it is gone
	case a.opts.CloseStdin && !p.terminal:
		p.in.close()
	}
}

// feed copies a's input until its end (true) or until stop (false), which leaves in a.unfed what the program did not
// take yet.
func (p *program) feed(a *attachment) bool {
	buf := make([]byte, 4<<10)
	for {
		if len(a.unfed) > 0 && a.opts.Stdin {
			n, err := p.in.write(a.unfed)
			a.owe(a.unfed[n:])
			if errors.Is(err, os.ErrDeadlineExceeded) {
				return false
			}
			if err != nil {
				a.owe(nil) // the program closed its input: read and drop the rest
			}
		}
		n, err := a.f.Read(buf)
		if a.opts.Stdin {
			a.owe(bytes.Clone(buf[:n]))
		}
		if n > 0 {
			continue
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return false
		}
		if err != nil {
			return errors.Is(err, io.EOF) || !errors.Is(err, os.ErrClosed)
		}
	}
}

// attachment is a descriptor whose other end a client of the daemon has.
type attachment struct {
	opts task.Attach
	f    *os.File

	turn sync.Mutex // one write at a time; it may wait for a client that does not read

	mu     sync.Mutex // guards what follows, for moments only: a swap looks at it before anything stops
	unsent []byte     // output that a stop kept from being written
	unfed  []byte     // input that a stop kept from the program
	eof    bool       // the client ended its input
}

func (a *attachment) wants(kind driver.Stream) bool {
	return kind == driver.Stdout && a.opts.Stdout || kind == driver.Stderr && a.opts.Stderr
}

// write sends b and waits for a client that does not read, which slows the program down as in Docker. It returns
// false if the client is gone.
func (a *attachment) write(b []byte) bool {
	a.turn.Lock()
	defer a.turn.Unlock()
	a.mu.Lock()
	if len(a.unsent) > 0 {
		b = slices.Concat(a.unsent, b)
	}
	a.mu.Unlock()
	n, err := a.f.Write(b)
	var rest []byte
	cut := errors.Is(err, os.ErrDeadlineExceeded)
	if cut {
		rest = bytes.Clone(b[n:])
	}
	a.mu.Lock()
	a.unsent = rest
	a.mu.Unlock()
	return cut || err == nil
}

// owe notes which of the client's input the program has not got yet.
func (a *attachment) owe(b []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.unfed = b
}

// ended tells whether the client ended its input.
func (a *attachment) ended() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.eof
}

// flush sends the output that a stop held back.
func (a *attachment) flush() {
	a.mu.Lock()
	pending := len(a.unsent) > 0
	a.mu.Unlock()
	if pending {
		a.write(nil)
	}
}
