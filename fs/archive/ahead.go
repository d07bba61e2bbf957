package archive

import (
	"io"
	"sync"

	"box/panics"
)

// chunk is a piece of a stream on its way through an Ahead.
type chunk struct {
	buf []byte // as allocated
	p   []byte // what is in it
	err error  // comes after p
}

const (
	chunkSize  = 256 << 10
	chunkCount = 6
)

// Ahead reads a stream ahead of its reader. One goroutine reads, and another one for each tap passes it all bytes, such
// as to a hash. When Read has returned io.EOF, the taps have received everything.
type Ahead struct {
	out  chan chunk
	free chan []byte
	stop chan struct{}
	once sync.Once
	all  sync.WaitGroup
	cur  chunk
	left []byte
}

// NewAhead starts to read r. Close must be called before r is closed or read by anybody else.
func NewAhead(r io.Reader, taps ...io.Writer) *Ahead {
	a := &Ahead{free: make(chan []byte, chunkCount), stop: make(chan struct{})}
	for range chunkCount {
		a.free <- nil // allocated when first used: a short stream needs one
	}
	out := make(chan chunk, chunkCount)
	source := out // the goroutines keep their own ends: out moves on
	a.all.Go(func() { a.fill(r, source) })
	for _, t := range taps {
		in, next := out, make(chan chunk, chunkCount)
		a.all.Go(func() { a.pass(t, in, next) })
		out = next
	}
	a.out = out
	return a
}

// fill reads chunks until the stream ends.
func (a *Ahead) fill(r io.Reader, out chan<- chunk) {
	defer close(out)
	for {
		var c chunk
		select {
		case c.buf = <-a.free:
		case <-a.stop:
			return
		}
		if c.buf == nil {
			c.buf = make([]byte, chunkSize)
		}
		n := 0
		for n < len(c.buf) && c.err == nil {
			var got int
			c.err = panics.Call(func() (err error) {
				got, err = r.Read(c.buf[n:])
				return err
			})
			n += got
		}
		c.p = c.buf[:n]
		select {
		case out <- c:
		case <-a.stop:
			return
		}
		if c.err != nil {
			return
		}
	}
}

// pass writes chunks to a tap. An error of the tap ends the stream.
func (a *Ahead) pass(tap io.Writer, in <-chan chunk, out chan<- chunk) {
	defer close(out)
	for c := range in {
		err := panics.Call(func() error {
			_, err := tap.Write(c.p)
			return err
		})
		if err != nil {
			c.p, c.err = nil, err
		}
		select {
		case out <- c:
		case <-a.stop:
			return
		}
	}
}

// Read implements io.Reader.
func (a *Ahead) Read(p []byte) (int, error) {
	for len(a.left) == 0 {
		if a.cur.err != nil {
			return 0, a.cur.err
		}
		if a.cur.buf != nil {
			a.free <- a.cur.buf
		}
		c, ok := <-a.out
		if !ok {
			return 0, io.ErrClosedPipe
		}
		a.cur, a.left = c, c.p
	}
	n := copy(p, a.left)
	a.left = a.left[n:]
	return n, nil
}

// Close ends the goroutines and waits for them, also for a read that is under way.
func (a *Ahead) Close() error {
	a.once.Do(func() { close(a.stop) })
	a.all.Wait()
	return nil
}
