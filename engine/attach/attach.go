// Package attach connects a client with the streams of a program: it copies bytes in both directions, recognises the
// detach keys, and loses nothing at the end.
package attach

import (
	"errors"
	"io"
	"sync"

	"golang.org/x/sys/unix"

	"box/engine/task"
)

// Options says what a client wants from the streams.
type Options struct {
	Stdin, Stdout, Stderr bool
	Logs                  bool   // what was printed so far first
	Stream                bool   // and what comes
	DetachKeys            string // "" for ctrl-p,ctrl-q
	Raw                   bool   // without frames, for a client that is gone when its input ends
}

// Attachment is a client's connection to the streams of a program. It exists before it is returned, so no output after
// that is missed. Serve or Close must be called.
type Attachment struct {
	Terminal bool                    // bytes as they are, else Docker's frames
	Stream   *task.Stream            // nil for what was logged alone
	Keys     []byte                  // that detach, at a terminal
	Logs     func(w io.Writer) error // writes what was printed so far; nil for nothing
	Leave    func(detached bool)     // is called when it is over
	// Settle waits until the end of the program is recorded, before the client sees it; nil: no wait
	Settle func()

	EndsWithInput bool // a client that ends its input has ended the attachment
	LeavesAtEOF   bool // also one that has no input
}

// HalfCloser is a connection whose directions end separately.
type HalfCloser interface {
	io.ReadWriteCloser
	CloseWrite() error
}

// Serve copies between the client and the program until either ends or the client types the detach keys.
func (a *Attachment) Serve(client HalfCloser) error {
	defer client.Close()
	if a.Logs != nil {
		if err := a.Logs(client); err != nil {
			return err
		}
	}
	if a.Stream == nil {
		return nil
	}
	var in sync.WaitGroup
	detached := false
	unread := newDrain()
	in.Go(func() {
		detached = a.input(client)
		unread.run(client)
	})
	_, err := io.Copy(client, output{a.Stream.Near})
	if a.Settle != nil && err == nil {
		a.Settle()
	}
	a.Stream.Close()
	if a.Stream.Opts.Stdout || a.Stream.Opts.Stderr {
		unread.end(client)
	}
	client.Close() // ends the input
	in.Wait()
	a.Leave(detached)
	return err
}

// output is the output of a program. A program that ends without having read its input resets the socket after its last
// output.
type output struct{ io.Reader }

// Read implements io.Reader.
func (o output) Read(p []byte) (int, error) {
	n, err := o.Reader.Read(p)
	if errors.Is(err, unix.ECONNRESET) {
		err = io.EOF
	}
	return n, err
}

// input copies the client's input. It returns true if the client typed the detach keys.
func (a *Attachment) input(client io.Reader) (detached bool) {
	var err error
	if a.Terminal && len(a.Keys) > 0 {
		_, err = io.Copy(a.Stream.Near, &keyReader{r: client, keys: a.Keys})
	} else {
		_, err = io.Copy(a.Stream.Near, client)
	}
	if errors.Is(err, errDetached) {
		a.Stream.Near.Close()
		return true
	}
	if a.LeavesAtEOF {
		a.Stream.Near.Close()
		return false
	}
	if !a.Stream.Opts.Stdin {
		return false // clients that send nothing half-close at once and still listen
	}
	if a.EndsWithInput {
		// Docker ends an attachment when its input ends, unless that closes the input of the program.
		a.Stream.Near.Close()
		return false
	}
	_ = a.Stream.Near.CloseWrite()
	return false
}

// Close closes an attachment that is not served.
func (a *Attachment) Close() {
	if a.Stream != nil {
		a.Stream.Close()
	}
}
