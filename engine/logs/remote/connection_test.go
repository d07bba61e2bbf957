package remote

import (
	"box/engine/logs/remote/remotetest"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// fake is a connection controlled by the test.
type fake struct {
	net.Conn
	write  func(b []byte) (int, error)
	closed bool
}

func (f *fake) Write(b []byte) (int, error) { return f.write(b) }
func (f *fake) Close() error                { f.closed = true; return nil }
func (f *fake) SetDeadline(time.Time) error { return nil }

// TestTries checks that a message is retried over new connections, with pauses, until its tries are used up, and that
// the next one starts over.
func TestTries(t *testing.T) {
	broken := errors.New("broken")
	for _, row := range []struct {
		tries, fail int // number of tries, and of failing writes
		want        error
		dials       int
	}{
		{1, 0, nil, 1}, {1, 1, broken, 1}, {2, 1, nil, 2}, {2, 2, broken, 2}, {5, 4, nil, 5}, {5, 9, broken, 5},
	} {
		var conns []*fake
		var pauses []int
		writes := 0
		c := &Connection{Tries: row.tries, Pause: func(try int) time.Duration { pauses = append(pauses, try); return 0 }}
		c.Dial = func(context.Context) (net.Conn, error) {
			conns = append(conns, &fake{write: func(b []byte) (int, error) {
				if writes++; writes <= row.fail {
					return 0, broken
				}
				return len(b), nil
			}})
			return conns[len(conns)-1], nil
		}
		if err := c.Send(context.Background(), []byte("x")); !errors.Is(err, row.want) || row.want == nil && err != nil {
			t.Errorf("%+v: %v", row, err)
		}
		if len(conns) != row.dials || len(pauses) != row.dials-1 {
			t.Errorf("%+v: %d connections, pauses %v", row, len(conns), pauses)
		}
		for i, f := range conns {
			if last := i == len(conns)-1 && row.want == nil; f.closed == last {
				t.Errorf("%+v: connection %d closed: %v", row, i, f.closed)
			}
		}
		remotetest.Must(t, c.Close())
		if writes = row.fail; row.fail < 9 { // the server is back
			remotetest.Must(t, c.Send(context.Background(), []byte("y")))
		}
	}
}

// TestDialFails checks that the error of the dial is returned, and that the end of ctx ends a pause at once.
func TestDialFails(t *testing.T) {
	refused := errors.New("refused")
	dials := 0
	c := &Connection{Tries: 3, Dial: func(context.Context) (net.Conn, error) { dials++; return nil, refused }}
	if err := c.Send(context.Background(), nil); err != refused || dials != 3 {
		t.Errorf("%v after %d dials", err, dials)
	}
	ctx, cancel := context.WithCancel(context.Background())
	c.Pause = func(int) time.Duration { cancel(); return time.Hour }
	began := time.Now()
	if err := c.Send(ctx, nil); !errors.Is(err, context.Canceled) || time.Since(began) > time.Minute {
		t.Errorf("%v after %v", err, time.Since(began))
	}
}

// TestRenewAndReply checks that an old connection is renewed, and that a message is resent until it is answered,
// never over a connection on which another answer may still come.
func TestRenewAndReply(t *testing.T) {
	var all []*fake
	replies := []error{nil, errors.New("answer to another"), nil}
	c := &Connection{Tries: 2, Renew: time.Nanosecond}
	c.Dial = func(context.Context) (net.Conn, error) {
		all = append(all, &fake{write: func(b []byte) (int, error) { return len(b), nil }})
		return all[len(all)-1], nil
	}
	c.Reply = func(net.Conn) error {
		err := replies[0]
		replies = replies[1:]
		return err
	}
	remotetest.Must(t, c.Send(context.Background(), []byte("first")))
	time.Sleep(time.Millisecond)
	remotetest.Must(t, c.Send(context.Background(), []byte("second")))
	if len(all) != 3 || !all[0].closed || !all[1].closed || all[2].closed || len(replies) != 0 {
		t.Errorf("%d connections, %d replies left", len(all), len(replies))
	}
}

// TestLarge checks that what is too long for a datagram is sent by Large, or lost.
func TestLarge(t *testing.T) {
	var large []int
	c := &Connection{Tries: 1}
	c.Dial = func(context.Context) (net.Conn, error) {
		return &fake{write: func(b []byte) (int, error) {
			if len(b) > 10 {
				return 0, &net.OpError{Op: "write", Err: os.NewSyscallError("write", syscall.EMSGSIZE)}
			}
			return len(b), nil
		}}, nil
	}
	if err := c.Send(context.Background(), make([]byte, 11)); !errors.Is(err, syscall.EMSGSIZE) {
		t.Errorf("without a way: %v", err)
	}
	c.Large = func(_ net.Conn, b []byte) error { large = append(large, len(b)); return nil }
	for _, n := range []int{10, 11, 1000} {
		remotetest.Must(t, c.Send(context.Background(), make([]byte, n)))
	}
	if !slices.Equal(large, []int{11, 1000}) {
		t.Errorf("%v went by the other way", large)
	}
}

// TestCutAndHandedOver checks that a message interrupted by ctx on a full socket counts as sent, and that the process
// that adopts the connection sends the rest first: the server gets every byte once.
func TestCutAndHandedOver(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	remotetest.Must(t, err)
	defer l.Close()
	c := &Connection{Tries: 2, Dial: Dialer("tcp", l.Addr().String())}
	remotetest.Must(t, c.Connect(context.Background()))
	server, err := l.Accept()
	remotetest.Must(t, err)
	defer server.Close()
	long := bytes.Repeat([]byte("0123456789abcdef"), 1<<20) // more than any socket buffers
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := c.Send(ctx, long); err != nil {
		t.Fatalf("a message of which a part is out: %v", err)
	}
	if err := c.Send(ctx, []byte("not taken")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("after the end of ctx: %v", err)
	}
	conn, unsent := c.State()
	if conn == nil || len(unsent) == 0 || len(unsent) >= len(long) {
		t.Fatalf("%d of %d bytes are unsent", len(unsent), len(long))
	}
	f, err := conn.(*net.TCPConn).File()
	remotetest.Must(t, err)
	unsent = bytes.Clone(unsent)
	remotetest.Must(t, c.Close())
	next := &Connection{Tries: 1, Dial: func(context.Context) (net.Conn, error) {
		return nil,
			errors.New("a new connection")
	}}
	remotetest.Must(t, next.Adopt(f, unsent))
	sent := make(chan error, 1)
	go func() { sent <- errors.Join(next.Send(context.Background(), []byte("next")), next.Close()) }()
	remotetest.Must(t, server.SetReadDeadline(time.Now().Add(time.Minute)))
	got, err := io.ReadAll(server)
	if err = errors.Join(err, <-sent); err != nil || !bytes.Equal(got, append(long, "next"...)) {
		t.Errorf("%d bytes of %d came, the last %q: %v", len(got), len(long)+4, got[max(0, len(got)-8):], err)
	}
}

// TestAdoptNoSocket checks that a descriptor other than a socket is closed and refused.
func TestAdoptNoSocket(t *testing.T) {
	r, w, err := os.Pipe()
	remotetest.Must(t, err)
	defer r.Close()
	c := &Connection{}
	if err := c.Adopt(w, []byte("x")); err == nil || !strings.Contains(err.Error(), "take over a connection for logs") {
		t.Error(err)
	}
	if _, err := w.Write([]byte("x")); !errors.Is(err, os.ErrClosed) {
		t.Errorf("it is open: %v", err)
	}
	if conn, unsent := c.State(); conn != nil || unsent != nil {
		t.Error("something is left")
	}
}

// TestGrowing checks that pauses grow by half, up to a minute, after any number of tries.
func TestGrowing(t *testing.T) {
	pause := Growing(time.Second)
	for try, want := range map[int]time.Duration{
		1: time.Second, 2: 1500 * time.Millisecond, 3: 2250 * time.Millisecond, 12: time.Minute, 64: time.Minute,
		1 << 30: time.Minute,
	} {
		if got := pause(try); got != want {
			t.Errorf("pause %d is %v, want %v", try, got, want)
		}
	}
}
