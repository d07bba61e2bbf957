package attach

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"box/engine/task"
)

// pair is a client and the daemon's end of its connection.
func pair(t *testing.T) (client *net.UnixConn, served HalfCloser) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	ends := make([]*net.UnixConn, 2)
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "pair")
		c, err := net.FileConn(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		ends[i] = c.(*net.UnixConn)
		t.Cleanup(func() { c.Close() })
	}
	return ends[0], ends[1]
}

// program is the keeper's end of a stream.
func program(t *testing.T, s *task.Stream) *net.UnixConn {
	t.Helper()
	f := s.Hand()
	defer f.Close()
	c, err := net.FileConn(f)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c.(*net.UnixConn)
}

// served is an attachment on its way, whose program is played by the test.
func serve(t *testing.T, a *Attachment, o task.Attach) (client, keeper *net.UnixConn, ended <-chan error,
	left *[]bool) {
	t.Helper()
	s, err := task.NewStream(o)
	if err != nil {
		t.Fatal(err)
	}
	a.Stream = s
	left = new([]bool)
	a.Leave = func(detached bool) { *left = append(*left, detached) }
	keeper = program(t, s)
	client, conn := pair(t)
	done := make(chan error, 1)
	go func() { done <- a.Serve(conn) }()
	return client, keeper, done, left
}

func soon(t *testing.T, ended <-chan error) error {
	t.Helper()
	select {
	case err := <-ended:
		return err
	case <-time.After(time.Minute):
		t.Fatal("the attachment does not end")
		return nil
	}
}

// TestBothWays: what the program prints comes whole though the client sends on, and after what was logged.
func TestBothWays(t *testing.T) {
	settled := false
	a := &Attachment{
		Logs:   func(w io.Writer) error { _, err := io.WriteString(w, "before\n"); return err },
		Settle: func() { settled = true },
	}
	client, keeper, ended, left := serve(t, a, task.Attach{Stdin: true, Stdout: true})
	out := strings.Repeat("0123456789", 100_000)
	go func() {
		_, _ = io.Copy(io.Discard, io.LimitReader(keeper, 5))
		_, _ = io.WriteString(keeper, out)
		keeper.Close()
	}()
	go func() {
		for range 1000 {
			if _, err := io.WriteString(client, "input that nobody reads"); err != nil {
				return
			}
		}
		_ = client.CloseWrite()
	}()
	got, err := io.ReadAll(client)
	if err != nil || string(got) != "before\n"+out {
		t.Errorf("%d bytes of %d: %v", len(got), len(out)+7, err)
	}
	client.Close()
	if err := soon(t, ended); err != nil || !settled || len(*left) != 1 || (*left)[0] {
		t.Error(err, settled, *left)
	}
}

// TestDetach: the keys at a terminal end the attachment and not the program.
func TestDetach(t *testing.T) {
	client, keeper, ended, left := serve(t, &Attachment{Terminal: true, Keys: []byte{16, 17}},
		task.Attach{Stdin: true, Stdout: true})
	if _, err := client.Write([]byte("ls\x10\x11")); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(keeper)
	if err != nil && !errors.Is(err, unix.ECONNRESET) || string(got) != "ls" {
		t.Errorf("%q %v", got, err)
	}
	client.Close()
	_ = soon(t, ended)
	if len(*left) != 1 || !(*left)[0] {
		t.Error(*left)
	}
}

// TestEndOfInput: where it is the program's too, it hears of it and prints on; else the attachment is over.
func TestEndOfInput(t *testing.T) {
	client, keeper, ended, _ := serve(t, &Attachment{}, task.Attach{Stdin: true, Stdout: true, CloseStdin: true})
	_, _ = io.WriteString(client, "all")
	_ = client.CloseWrite()
	in, err := io.ReadAll(keeper)
	if err != nil || string(in) != "all" {
		t.Errorf("%q %v", in, err)
	}
	_, _ = io.WriteString(keeper, "answer")
	keeper.Close()
	if out, err := io.ReadAll(client); err != nil || string(out) != "answer" {
		t.Errorf("%q %v", out, err)
	}
	client.Close()
	if err := soon(t, ended); err != nil {
		t.Error(err)
	}

	client, _, ended, _ = serve(t, &Attachment{EndsWithInput: true}, task.Attach{Stdin: true, Stdout: true})
	_ = client.CloseWrite()
	_ = soon(t, ended)

	client, keeper, ended, _ = serve(t, &Attachment{}, task.Attach{Stdout: true})
	_ = client.CloseWrite() // a client that sends nothing, and listens
	_, _ = io.WriteString(keeper, "still here")
	keeper.Close()
	if out, err := io.ReadAll(client); err != nil || !bytes.Equal(out, []byte("still here")) {
		t.Errorf("%q %v", out, err)
	}
	client.Close()
	_ = soon(t, ended)
}

// TestLogsAlone: without a stream what was logged is all.
func TestLogsAlone(t *testing.T) {
	client, conn := pair(t)
	a := &Attachment{Logs: func(w io.Writer) error { _, err := io.WriteString(w, "log"); return err },
		Leave: func(bool) {}}
	if err := a.Serve(conn); err != nil {
		t.Fatal(err)
	}
	if out, err := io.ReadAll(client); err != nil || string(out) != "log" {
		t.Errorf("%q %v", out, err)
	}
	a.Close()
}
