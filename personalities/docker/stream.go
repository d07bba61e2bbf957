package docker

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
	"box/personalities/signals"
)

// stream joins the streams of a program to those of this process.
type stream struct {
	conn    *wire.Conn
	in      io.Reader // nil: nothing is sent
	out     io.Writer
	errw    io.Writer
	tty     bool
	keys    string // detach keys; empty: the default
	restore func() // gives a terminal in raw mode back
}

// attach connects to a container. With a terminal on both sides the local one turns raw until close.
func (s *session) attach(ctx context.Context, id string, a client.Attach, tty bool) (*stream, error) {
	api, err := s.client()
	if err != nil {
		return nil, err
	}
	conn, err := api.ContainerAttach(ctx, id, a)
	if err != nil {
		return nil, err
	}
	st := &stream{conn: conn, tty: tty, keys: a.DetachKeys}
	if a.Stdout {
		st.out = s.out
	}
	if a.Stderr {
		st.errw = s.errw
	}
	return st, st.open(s, a.Stdin)
}

// open prepares the local side.
func (st *stream) open(s *session, stdin bool) error {
	st.restore = func() {}
	if !stdin {
		return nil
	}
	st.in = s.in
	if !st.tty {
		return nil
	}
	keys, err := parseKeys(st.keys)
	if err != nil {
		st.conn.Close()
		return err
	}
	st.in = &detachReader{r: s.in, keys: keys}
	fd, ok := terminal(s.in)
	if !ok {
		return nil
	}
	old, err := term.MakeRaw(fd)
	if err != nil {
		st.conn.Close()
		return fmt.Errorf("set up the terminal: %w", err)
	}
	st.restore = func() {
		// nothing is left to try when the terminal is gone
		_ = term.Restore(fd, old)
	}
	return nil
}

// close ends the connection and gives the terminal back. It may follow run.
func (st *stream) close() {
	st.restore()
	st.conn.Close()
}

// run moves bytes until the program's output ends. It returns errDetached when the user left by the detach
// keys, which this side or the daemon has noticed.
//
// Input is copied beside: its end is passed on as a half-close. Its goroutine may stay in a read of a
// terminal when run returns; that read ends with the process, or with the caller's reader.
func (st *stream) run() error {
	detached := make(chan struct{})
	if st.in != nil {
		go func() {
			// any other error means that the connection or the input is gone: the output tells
			if _, err := io.Copy(st.conn, st.in); errors.Is(err, errDetached) {
				close(detached)
				st.conn.Close()
				return
			}
			_ = st.conn.CloseWrite()
		}()
	}
	err := st.output()
	st.restore()
	select {
	case <-detached:
		return errDetached
	default:
	}
	if err != nil && isDetach(err) {
		return errDetached
	}
	return err
}

func (st *stream) output() error {
	if !st.tty {
		return wire.Demux(st.out, st.errw, st.conn)
	}
	out := st.out
	if out == nil {
		out = io.Discard
	}
	_, err := io.Copy(out, st.conn)
	if errors.Is(err, syscall.ECONNRESET) {
		return nil // the daemon closed with our input unread
	}
	return err
}

// isDetach recognises the words by which a daemon says that the keys were typed.
func isDetach(err error) bool { return strings.HasSuffix(err.Error(), errDetached.Error()) }

// size is the terminal's, from the output or else the input.
func (s *session) size() (height, width int, ok bool) {
	for _, f := range []any{s.out, s.in} {
		if fd, is := terminal(f); is {
			if w, h, err := term.GetSize(fd); err == nil {
				return h, w, true
			}
		}
	}
	return 0, 0, false
}

// followSize tells set the terminal's size now and whenever it changes, until stop.
func (s *session) followSize(set func(height, width int) error) (stop func()) {
	if _, _, ok := s.size(); !ok {
		return func() {}
	}
	changes := make(chan os.Signal, 1)
	signal.Notify(changes, unix.SIGWINCH)
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			if h, w, ok := s.size(); ok {
				// a program that is gone has no size: its end is reported elsewhere
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

// forwardSignals sends the signals that this process gets on to the container, until stop.
func (s *session) forwardSignals(ctx context.Context, id string) (stop func(), err error) {
	return signals.Forward(func(sig unix.Signal) {
		s.interrupts.count(sig)
		name := unix.SignalName(sig)
		if name == "" {
			name = strconv.Itoa(int(sig))
		}
		// a container that has just ended cannot be signalled; its exit code follows
		_ = s.api.ContainerKill(ctx, id, name)
	})
}
