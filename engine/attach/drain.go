package attach

import (
	"io"
	"sync/atomic"
	"time"
)

// How long to read from the client of a stream that has ended.
const (
	lingerSilent = 2 * time.Second // since the last byte of it
	lingerMost   = time.Minute     // in all
)

// drain reads and drops what the client still sends. If a socket is closed with unread bytes, the other side gets a
// reset and loses output that it has not read yet.
type drain struct {
	bytes atomic.Int64
	done  chan struct{} // closed when the client has ended its side
}

func newDrain() *drain { return &drain{done: make(chan struct{})} }

// Write implements io.Writer.
func (d *drain) Write(p []byte) (int, error) {
	d.bytes.Add(int64(len(p)))
	return len(p), nil
}

// run reads until the client closes its side or the connection is closed.
func (d *drain) run(client io.Reader) {
	defer close(d.done)
	_, _ = io.Copy(d, client)
}

// end ends the output, and closes the connection when the client has closed its side or sends nothing for a while.
func (d *drain) end(client HalfCloser) {
	defer client.Close()
	if client.CloseWrite() != nil {
		return
	}
	for most := time.Now().Add(lingerMost); time.Now().Before(most); {
		before := d.bytes.Load()
		select {
		case <-d.done:
			return
		case <-time.After(lingerSilent):
		}
		if d.bytes.Load() == before {
			return
		}
	}
}

// End ends a stream from which nobody reads, so that the client gets all that was written.
func End(client HalfCloser) {
	d := newDrain()
	go d.run(client)
	d.end(client)
}
