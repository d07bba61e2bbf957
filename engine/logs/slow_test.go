package logs

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"box/engine/logs/driver"
	"box/engine/logs/remote/remotetest"
)

// stuck is a driver whose server takes nothing until it is freed.
type stuck struct {
	recorder
	free chan struct{}
}

func (s *stuck) Log(ctx context.Context, l *driver.Line) error {
	select {
	case <-s.free:
		return s.recorder.Log(ctx, l)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// TestNonBlocking checks that a program does not wait: lines that do not fit are dropped, and the others come in
// order.
func TestNonBlocking(t *testing.T) {
	s := &stuck{free: make(chan struct{})}
	line := len(appendLocal(nil, &driver.Line{Stream: driver.Stdout, Time: noon, Text: []byte("A")}))
	l := &Logger{d: s, limit: 10 * line, warn: func(error) {}}
	for i := range 100 {
		l.Write(context.Background(), driver.Stdout, fmt.Appendf(nil, "%c\n", 'A'+i%50), noon)
	}
	close(s.free)
	l.Close(context.Background(), noon)
	if got := strings.Join(s.lines, ""); len(s.lines) < 10 || len(s.lines) > 11 ||
		!strings.HasPrefix(got, "1:A#1/0/false1:B") {
		t.Errorf("%d lines: %s", len(s.lines), got)
	}
}

// TestStopKeepsLines checks that Write returns when its context ends, in either mode, and that undelivered lines come
// before later ones, also from another process.
func TestStopKeepsLines(t *testing.T) {
	for _, limit := range []int{0, 1 << 20} {
		s := &stuck{free: make(chan struct{})}
		l := &Logger{d: s, limit: limit, warn: func(error) {}}
		ctx, halt := context.WithCancel(context.Background())
		wrote := make(chan struct{})
		go func() {
			defer close(wrote)
			l.Write(ctx, driver.Stdout, []byte("a\nb\nc"), noon)
		}()
		time.Sleep(10 * time.Millisecond)
		state, _ := l.State() // while the log is at work, as before a swap
		if len(state.Queue) > 100 {
			t.Errorf("a queue of %d bytes", len(state.Queue))
		}
		halt()
		<-wrote
		l.Stop()
		state, _ = l.State()

		next := &recorder{}
		l = &Logger{d: next, limit: limit, warn: func(error) {}}
		must(t, l.Restore(state, nil))
		ctx = context.Background()
		l.Resume(ctx)
		l.Write(ctx, driver.Stdout, []byte("d\ne\n"), noon)
		l.Close(ctx, noon)
		if got := strings.Join(next.lines, " "); got != "1:a#1/0/false 1:b#1/0/false 1:cd#2/0/false 1:e#1/0/false" {
			t.Errorf("limit %d: %s", limit, got)
		}
	}
}

// TestStopCutsMessage checks that a stop in the middle of a message to a slow server, and a handover, lose and repeat
// nothing.
func TestStopCutsMessage(t *testing.T) {
	s := remotetest.Listen(t, "tcp", "127.0.0.1:0")
	c := of("syslog", "syslog-address=tcp://"+s.Addr().String())
	const lines = 400
	l := open(t, c, Options{})
	conn, err := s.Accept()
	must(t, err)
	read := make(chan []string)
	go func() {
		var got []string
		for in := bufio.NewScanner(conn); in.Scan(); {
			if len(got)%50 == 0 {
				time.Sleep(20 * time.Millisecond)
			}
			_, text, _ := strings.Cut(in.Text(), "]: ")
			got = append(got, text)
		}
		read <- got
	}()
	swaps := 0
	for i := 0; i < lines; {
		ctx, halt := context.WithTimeout(context.Background(), time.Millisecond)
		for ctx.Err() == nil && i < lines {
			l.Write(ctx, driver.Stdout, fmt.Appendf(nil, "line %d %s\n", i, strings.Repeat("x", 8000)), noon)
			i++
		}
		halt()
		l.Stop()
		l = handOver(t, c, l)
		swaps++
	}
	l.Resume(context.Background())
	l.Close(context.Background(), noon)
	got := <-read
	if len(got) != lines {
		t.Errorf("%d of %d lines came", len(got), lines)
	}
	for i, text := range got {
		if want := fmt.Sprintf("line %d x", i); !strings.HasPrefix(text, want) || len(text) != len(want)+7999 {
			t.Fatalf("line %d is %.30q of %d bytes", i, text, len(text))
		}
	}
	t.Logf("%d hand-overs", swaps)
}

// handOver does with a log what a swap does.
func handOver(t *testing.T, c driver.Config, l *Logger) *Logger {
	state, conn := l.State()
	var f *os.File
	if conn != nil {
		raw, err := conn.SyscallConn()
		must(t, err)
		must(t, raw.Control(func(fd uintptr) {
			n, err := syscall.Dup(int(fd))
			must(t, err)
			f = os.NewFile(uintptr(n), "inherited")
		}))
	}
	l.Discard()
	next := open(t, c, Options{Late: true})
	must(t, next.Restore(state, f))
	return next
}

// TestServerComesBack checks that a broken connection is renewed, that fluentd waits for its server, and that a start
// without a server is refused unless the driver is asynchronous.
func TestServerComesBack(t *testing.T) {
	s := remotetest.Listen(t, "tcp", "127.0.0.1:0")
	address := s.Addr().String()
	l := open(t, of("fluentd", "fluentd-address="+address, "fluentd-retry-wait=5ms"), Options{})
	first, err := s.Accept()
	must(t, err)
	must(t, first.Close())
	s.Close()
	time.Sleep(10 * time.Millisecond)
	wrote := make(chan struct{})
	go func() {
		defer close(wrote)
		for range 3 { // the first may be lost with the broken connection
			l.Write(context.Background(), driver.Stdout, []byte("kept\n"), noon)
		}
	}()
	time.Sleep(50 * time.Millisecond)
	if _, err := Open(context.Background(), of("fluentd", "fluentd-address="+address), Options{}); err == nil {
		t.Error("opened without a server")
	}
	lazy := open(t, of("fluentd", "fluentd-address="+address, "fluentd-async=true"), Options{})
	lazy.Discard()
	again, err := net.Listen("tcp", address)
	must(t, err)
	defer again.Close()
	conn, err := again.Accept()
	must(t, err)
	<-wrote
	l.Close(context.Background(), noon)
	b := make([]byte, 4096)
	n, err := conn.Read(b)
	must(t, err)
	if got := strings.Count(string(b[:n]), "kept"); got < 2 {
		t.Errorf("%d of 3 lines came", got)
	}
}
