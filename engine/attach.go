package engine

import (
	"context"
	"errors"
	"io"
	"sync"

	api "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
	"golang.org/x/sys/unix"

	"box/engine/lifecycle"
	"box/engine/refuse"
	"box/engine/task"
)

// AttachOptions say what a client wants of a program's streams.
type AttachOptions struct {
	Stdin, Stdout, Stderr bool
	Logs                  bool   // what was printed so far first
	Stream                bool   // and what comes
	DetachKeys            string // "" for ctrl-p,ctrl-q
	Raw                   bool   // without frames, for a client that is gone when its input ends
}

// Attachment is a client's end of a program's streams, connected before it is returned: what the program prints from then on
// is not missed.
type Attachment struct {
	Terminal bool // bytes as they are, else Docker's frames

	stream *task.Stream
	keys   []byte
	logs   func(w io.Writer) error
	leave  func(detached bool)
	settle func() // waits until the end of the program is known, before the client learns of it
	end    bool   // a client that ends its input has ended the attachment
	gone   bool   // also one that has no input
}

// HalfCloser is a connection whose two directions end separately.
type HalfCloser interface {
	io.ReadWriteCloser
	CloseWrite() error
}

// Attach connects to the streams of a container's program, or of the one that is started next.
func (e *Engine) Attach(ctx context.Context, ref string, o AttachOptions) (*Attachment, error) {
	c, err := e.container(ref)
	if err != nil {
		return nil, err
	}
	keys, err := detachKeys(o.DetachKeys)
	if err != nil {
		return nil, err
	}
	rec := c.Record()
	if st, _ := c.Now(); st.State == api.StatePaused {
		return nil, refuse.Conflict("container %s is paused, unpause the container before attach", ref)
	}
	a := &Attachment{Terminal: rec.Config.Tty, keys: keys}
	closeStdin := o.Stdin && rec.Config.StdinOnce && !rec.Config.Tty
	a.end, a.gone = o.Stdin && !closeStdin, o.Raw
	a.leave = func(detached bool) {
		if detached {
			e.publish(ctx, c, events.ActionDetach)
		}
	}
	if o.Logs {
		a.logs = func(w io.Writer) error {
			return e.writeLog(ctx, c, w, LogOptions{Stdout: o.Stdout, Stderr: o.Stderr, Tail: -1, Raw: o.Raw})
		}
	}
	if !o.Stream {
		return a, nil
	}
	a.stream, err = task.NewStream(task.Attach{
		Stdin: o.Stdin && rec.Config.OpenStdin, Stdout: o.Stdout, Stderr: o.Stderr, CloseStdin: closeStdin, Raw: o.Raw,
	})
	if err != nil {
		return nil, err
	}
	if err := e.connect(ctx, c, a.stream); err != nil {
		return nil, errors.Join(err, a.stream.Close())
	}
	e.publish(ctx, c, events.ActionAttach)
	return a, nil
}

// connect gives the stream to the running program, or keeps it for the next one.
func (e *Engine) connect(ctx context.Context, c *lifecycle.Container, s *task.Stream) error {
	c.Lock() // not between the start of a program and its being known
	defer c.Unlock()
	if st, _ := c.Now(); st.Running() {
		return e.o.Tasks.Task(c.ID()).Attach(ctx, "", s.Opts, s.Hand())
	}
	c.Await(s)
	return nil
}

// Serve moves bytes between the client and the program until either ends, or the client types the keys that detach.
func (a *Attachment) Serve(client HalfCloser) error {
	defer client.Close()
	if a.logs != nil {
		if err := a.logs(client); err != nil {
			return err
		}
	}
	if a.stream == nil {
		return nil
	}
	var in sync.WaitGroup
	detached := false
	unread := newDrain()
	in.Go(func() {
		detached = a.input(client)
		unread.run(client)
	})
	_, err := io.Copy(client, output{a.stream.Near})
	if a.settle != nil && err == nil {
		a.settle()
	}
	a.stream.Close()
	if a.stream.Opts.Stdout || a.stream.Opts.Stderr {
		unread.end(client)
	}
	client.Close() // ends the input
	in.Wait()
	a.leave(detached)
	return err
}

// output is what a program says. One that ends before it has read its input leaves a socket that is reset, after the last of its output.
type output struct{ io.Reader }

// Read implements io.Reader.
func (o output) Read(p []byte) (int, error) {
	n, err := o.Reader.Read(p)
	if errors.Is(err, unix.ECONNRESET) {
		err = io.EOF
	}
	return n, err
}

// input moves what the client sends; true means that it typed the keys.
func (a *Attachment) input(client io.Reader) (detached bool) {
	var err error
	if a.Terminal && len(a.keys) > 0 {
		_, err = io.Copy(a.stream.Near, &keyReader{r: client, keys: a.keys})
	} else {
		_, err = io.Copy(a.stream.Near, client)
	}
	if errors.Is(err, errDetached) {
		a.stream.Near.Close()
		return true
	}
	if a.gone {
		a.stream.Near.Close()
		return false
	}
	if !a.stream.Opts.Stdin {
		return false // clients that send nothing half-close at once and still listen
	}
	if a.end {
		// Docker ends an attachment whose input ends unless that input's end is the program's.
		a.stream.Near.Close()
		return false
	}
	_ = a.stream.Near.CloseWrite()
	return false
}

// Close lets go of an attachment that is not served.
func (a *Attachment) Close() {
	if a.stream != nil {
		a.stream.Close()
	}
}
