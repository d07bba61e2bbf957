// Package stream connects the streams and the terminal of a container with those of the client.
package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"box/netapi/client"
	"box/netapi/wire"
	"box/personalities/docker/session"
	"box/personalities/signals"
)

// ErrNoTerminal is the error for -it if standard input is not a terminal.
func ErrNoTerminal() error {
	return errors.New("the input device is not a TTY")
}

// Stream connects the streams of a program with those of this process.
type Stream struct {
	Conn    *wire.Conn
	in      io.Reader // nil: no input is sent
	Out     io.Writer
	Err     io.Writer
	TTY     bool
	Keys    string // detach keys; empty: the default
	restore func() // restores the terminal from raw mode
}

// Attach connects to a container. If both sides have a terminal, the local one is in raw mode until Close.
func Attach(ctx context.Context, s *session.Session, id string, a client.Attach, tty bool) (*Stream, error) {
	api, err := s.Client()
	if err != nil {
		return nil, err
	}
	conn, err := api.ContainerAttach(ctx, id, a)
	if err != nil {
		return nil, err
	}
	st := &Stream{Conn: conn, TTY: tty, Keys: a.DetachKeys}
	if a.Stdout {
		st.Out = s.Out
	}
	if a.Stderr {
		st.Err = s.Err
	}
	return st, st.Open(s, a.Stdin)
}

// Open prepares the local streams.
func (st *Stream) Open(s *session.Session, stdin bool) error {
	st.restore = func() {}
	if !stdin {
		return nil
	}
	st.in = s.In
	if !st.TTY {
		return nil
	}
	keys, err := parseKeys(st.Keys)
	if err != nil {
		st.Conn.Close()
		return err
	}
	st.in = &detachReader{r: s.In, keys: keys}
	fd, ok := session.Terminal(s.In)
	if !ok {
		return nil
	}
	old, err := term.MakeRaw(fd)
	if err != nil {
		st.Conn.Close()
		return fmt.Errorf("set up the terminal: %w", err)
	}
	st.restore = func() {
		// nothing else can be done if the terminal is gone
		_ = term.Restore(fd, old)
	}
	return nil
}

// Close closes the connection and restores the terminal. It may be called after Run.
func (st *Stream) Close() {
	st.restore()
	st.Conn.Close()
}

// Run copies streams until the program's output ends. It returns ErrDetached if the detach keys were typed, whether
// this process or the daemon noticed.
//
// Input is copied by a goroutine, and its end is passed on as a half-close. The goroutine may still be blocked in a
// read of the terminal when Run returns; it ends with the process, or with the reader.
func (st *Stream) Run() error {
	detached := make(chan struct{})
	if st.in != nil {
		go func() {
			// other errors mean that the connection or the input is gone, which the output reports
			if _, err := io.Copy(st.Conn, st.in); errors.Is(err, ErrDetached) {
				close(detached)
				st.Conn.Close()
				return
			}
			_ = st.Conn.CloseWrite()
		}()
	}
	err := st.output()
	st.restore()
	select {
	case <-detached:
		return ErrDetached
	default:
	}
	if err != nil && isDetach(err) {
		return ErrDetached
	}
	return err
}

func (st *Stream) output() error {
	if !st.TTY {
		return wire.Demux(st.Out, st.Err, st.Conn)
	}
	out := st.Out
	if out == nil {
		out = io.Discard
	}
	_, err := io.Copy(out, st.Conn)
	if errors.Is(err, syscall.ECONNRESET) {
		return nil // the daemon closed with our input unread
	}
	return err
}

// isDetach recognises the message of a daemon that saw the detach keys.
func isDetach(err error) bool { return strings.HasSuffix(err.Error(), ErrDetached.Error()) }

// Size returns the size of the terminal, of output or else input.
func Size(s *session.Session) (height, width int, ok bool) {
	for _, f := range []any{s.Out, s.In} {
		if fd, is := session.Terminal(f); is {
			if w, h, err := term.GetSize(fd); err == nil {
				return h, w, true
			}
		}
	}
	return 0, 0, false
}

// FollowSize calls set with the size of the terminal now and after each change, until stop is called.
func FollowSize(s *session.Session, set func(height, width int) error) (stop func()) {
	if _, _, ok := Size(s); !ok {
		return func() {}
	}
	changes := make(chan os.Signal, 1)
	signal.Notify(changes, unix.SIGWINCH)
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			if h, w, ok := Size(s); ok {
				// fails if the program has ended, which is reported elsewhere
				_ = set(h, w)
			}
			select {
			case <-changes:
			case <-done:
				return
			}
		}
	}()
	return func() {
		signal.Stop(changes)
		close(done)
		<-ended
	}
}

// ForwardSignals sends the signals of this process to the container until stop is called.
func ForwardSignals(ctx context.Context, s *session.Session, id string) (stop func(), err error) {
	return signals.Forward(func(sig unix.Signal) {
		s.Interrupts.Count(sig)
		name := unix.SignalName(sig)
		if name == "" {
			name = strconv.Itoa(int(sig))
		}
		// fails if the container has just ended; its exit code follows
		_ = s.API.ContainerKill(ctx, id, name)
	})
}
