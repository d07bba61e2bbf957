package keeper

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"box/engine/logs"
	"box/engine/logs/driver"
	"box/engine/task"
)

// program is a process that the keeper started, a container's own or an exec's, with the near ends of its streams.
type program struct {
	container string
	exec      string
	pid       int
	started   time.Time
	terminal  bool
	log       *logs.Logger  // nil for none
	halt      func()        // ends waiting for the log's driver; set by start
	exit      *task.Exit    // set under the keeper's lock once it ended and its output is drained
	reaped    bool          // set under the keeper's lock
	ended     chan struct{} // closed once exit is set

	in  *input
	out []*output

	mu       sync.Mutex
	attached []*attachment
	finished bool // nobody can attach any more

	pumps sync.WaitGroup // every goroutine that moves bytes for this program
}

// input is the near end of a program's standard input; f is nil if it has none.
type input struct {
	mu sync.Mutex // one write at a time
	f  *os.File
}

// output is the near end of one of a program's outputs.
type output struct {
	kind driver.Stream
	f    *os.File
	eof  atomic.Bool // set by its pump
}

// frameHead is the length of a frame's head in Docker's multiplexed streams: kind, three zeros, length.
const frameHead = 8

// chunks are the buffers of pumps. A pump takes one only when there is something to read, so that an idle container
// holds none.
var chunks = sync.Pool{New: func() any { return new([frameHead + 32<<10]byte) }}

// start runs the pumps of p, at first and after stop.
func (p *program) start() {
	ctx, halt := context.WithCancel(context.Background())
	p.halt = halt
	p.deadlines(time.Time{})
	if p.log != nil && p.log.Waiting() {
		p.pumps.Go(func() { p.log.Resume(ctx) })
	}
	p.mu.Lock()
	for _, a := range p.attached {
		p.pumps.Go(func() { p.pumpAttached(a) })
	}
	p.mu.Unlock()
	for _, o := range p.out {
		if !o.eof.Load() {
			p.pumps.Go(func() { p.pump(ctx, o) })
		}
	}
}

// pump moves one output to the log and to all that are attached, until its end or until stop.
func (p *program) pump(ctx context.Context, o *output) {
	raw, err := o.f.SyscallConn()
	if err != nil {
		return
	}
	for {
		if p.log != nil {
			p.log.Resume(ctx) // text held since a stop goes first, so that at most one read of each output waits
		}
		n, err := p.chunk(ctx, raw, o)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return
		}
		if n == 0 || err != nil {
			o.eof.Store(true)
			return
		}
	}
}

// chunk waits for output, reads it once and hands it on.
func (p *program) chunk(ctx context.Context, raw syscall.RawConn, o *output) (n int, err error) {
	var buf *[frameHead + 32<<10]byte
	waitErr := raw.Read(func(fd uintptr) bool {
		buf = chunks.Get().(*[frameHead + 32<<10]byte)
		for {
			n, err = syscall.Read(int(fd), buf[frameHead:])
			if err != syscall.EINTR {
				break
			}
		}
		if err == syscall.EAGAIN {
			chunks.Put(buf)
			buf = nil
			return false
		}
		return true
	})
	if waitErr != nil {
		return 0, waitErr
	}
	defer chunks.Put(buf)
	if err != nil || n <= 0 {
		return 0, err
	}
	p.deliver(ctx, o.kind, buf[:frameHead+n], time.Now())
	return n, nil
}

// deliver fills in the head of frame and hands its text to the log and to all that are attached.
func (p *program) deliver(ctx context.Context, kind driver.Stream, frame []byte, at time.Time) {
	clear(frame[:frameHead])
	frame[0] = byte(kind)
	binary.BigEndian.PutUint32(frame[4:], uint32(len(frame)-frameHead))
	if p.log != nil {
		p.log.Write(ctx, kind, frame[frameHead:], at)
	}
	p.mu.Lock()
	attached := p.attached
	p.mu.Unlock()
	for _, a := range attached {
		if !a.wants(kind) {
			continue
		}
		b := frame
		if p.terminal && !a.opts.Frames || a.opts.Raw {
			b = frame[frameHead:]
		}
		if !a.write(b) {
			p.detach(a)
		}
	}
}

// stop ends the pumps where they are. After start they continue with no byte lost.
func (p *program) stop() {
	p.deadlines(time.Unix(1, 0))
	p.halt()
	p.pumps.Wait()
	if p.log != nil {
		p.log.Stop()
	}
}

// deadlines sets when the pumps' waits end; the zero time means never.
func (p *program) deadlines(t time.Time) {
	for _, o := range p.out {
		_ = o.f.SetReadDeadline(t)
	}
	p.in.deadline(t)
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, a := range p.attached {
		_ = a.f.SetDeadline(t)
	}
}

// finish drains the outputs of a program that ended, for drainWait at most, then closes its log and files.
func (p *program) finish(at time.Time) {
	// Close it later: a terminal has one descriptor for input and output, which is still to be drained.
	p.in.deadline(time.Unix(1, 0))
	limit := time.Now().Add(drainWait)
	for _, o := range p.out {
		_ = o.f.SetReadDeadline(limit)
	}
	p.mu.Lock()
	p.finished = true
	for _, a := range p.attached {
		// Input ends now. A client that does not take the last output holds this up only until the limit.
		_ = a.f.SetReadDeadline(time.Unix(1, 0))
		_ = a.f.SetWriteDeadline(limit)
	}
	p.mu.Unlock()
	enough := time.AfterFunc(drainWait, p.halt)
	p.pumps.Wait()
	if p.log != nil {
		ctx, cancel := context.WithDeadline(context.Background(), limit)
		p.log.Close(ctx, at)
		cancel()
	}
	enough.Stop()
	p.halt()
	p.in.close()
	for _, o := range p.out {
		o.f.Close()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, a := range p.attached {
		a.f.Close()
	}
	p.attached = nil
}

func (i *input) write(b []byte) (int, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.f == nil {
		return 0, os.ErrClosed
	}
	return i.f.Write(b)
}

// close ends the program's input. A write that waits returns an error.
func (i *input) close() {
	if i.f != nil {
		i.f.Close()
	}
}

func (i *input) deadline(t time.Time) {
	if i.f != nil {
		_ = i.f.SetWriteDeadline(t)
	}
}
