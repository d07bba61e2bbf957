package stream

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"box/netapi/wire"
	"box/personalities/cmd"
	"box/personalities/docker/session"
)

// upgraded is this side's end of a stream whose other end is held by a program of the test.
func upgraded(t *testing.T, program func(c *net.UnixConn)) *wire.Conn {
	t.Helper()
	l, err := net.Listen("unix", t.TempDir()+"/s")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
			io.WriteString(c, "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
			program(c.(*net.UnixConn))
		}
	}()
	c, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	req, err := http.NewRequest("POST", "http://x/attach", nil)
	if err != nil {
		t.Fatal(err)
	}
	conn, res, err := wire.Upgrade(c, req)
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols {
		t.Fatal(err, res)
	}
	return conn
}

func sessionWith(in io.Reader) *session.Session {
	return session.New(&cmd.Env{Stdin: in, Stdout: io.Discard, Stderr: io.Discard,
		Getenv: func(string) string { return "" }}, nil)
}

// frame is output of a program without a terminal.
func frame(stream byte, text string) string {
	return string([]byte{stream, 0, 0, 0, 0, 0, 0, byte(len(text))}) + text
}

// TestStreams: input goes there until its end, and each kind of output comes where it belongs.
func TestStreams(t *testing.T) {
	conn := upgraded(t, func(c *net.UnixConn) {
		typed, _ := io.ReadAll(c)
		io.WriteString(c, frame(1, "out:"+string(typed))+frame(2, "err"))
	})
	var out, errw bytes.Buffer
	st := &Stream{Conn: conn, Out: &out, Err: &errw}
	if err := st.Open(sessionWith(strings.NewReader("typed")), true); err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	if err := st.Run(); err != nil || out.String() != "out:typed" || errw.String() != "err" {
		t.Errorf("%q, %q, %v", &out, &errw, err)
	}
}

// TestStreamDetach: by the keys on this side, or because the daemon says so.
func TestStreamDetach(t *testing.T) {
	gone := make(chan struct{})
	conn := upgraded(t, func(c *net.UnixConn) {
		io.Copy(io.Discard, c)
		close(gone)
	})
	var out bytes.Buffer
	st := &Stream{Conn: conn, Out: &out, TTY: true, Keys: "ctrl-a,d"}
	if err := st.Open(sessionWith(io.MultiReader(strings.NewReader("ls\x01d"), neverEnds{})), true); err != nil {
		t.Fatal(err)
	}
	if err := st.Run(); !errors.Is(err, ErrDetached) {
		t.Error(err)
	}
	select {
	case <-gone:
	case <-time.After(time.Minute):
		t.Error("the connection stays open")
	}
	conn = upgraded(t, func(c *net.UnixConn) { io.WriteString(c, frame(3, "read escape sequence")) })
	st = &Stream{Conn: conn, Out: &out, Err: &out}
	if err := st.Open(sessionWith(strings.NewReader("")), false); err != nil {
		t.Fatal(err)
	}
	if err := st.Run(); !errors.Is(err, ErrDetached) {
		t.Errorf("the daemon detached: %v", err)
	}
}

// neverEnds is a terminal at which nobody types.
type neverEnds struct{}

func (neverEnds) Read([]byte) (int, error) { select {} }

// TestStreamKeysRefused: keys that are none are refused before anything is sent.
func TestStreamKeysRefused(t *testing.T) {
	sent := make(chan []byte, 1)
	conn := upgraded(t, func(c *net.UnixConn) {
		raw, _ := io.ReadAll(c)
		sent <- raw
	})
	st := &Stream{Conn: conn, TTY: true, Keys: "nonsense"}
	if err := st.Open(sessionWith(strings.NewReader("typed")), true); err == nil {
		t.Error("taken")
	}
	if raw := <-sent; len(raw) > 0 {
		t.Errorf("sent %q", raw)
	}
}

// terminal is a pseudo terminal of the test.
func terminal(t *testing.T) (keyboard, screen *os.File) {
	t.Helper()
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no pseudo terminals here: ", err)
	}
	t.Cleanup(func() { keyboard.Close() })
	n, err := unix.IoctlGetInt(int(keyboard.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(keyboard.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	if screen, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { screen.Close() })
	return keyboard, screen
}

// TestStreamTerminal: the local terminal is raw while the stream is open, and as it was afterwards.
func TestStreamTerminal(t *testing.T) {
	_, screen := terminal(t)
	before, err := unix.IoctlGetTermios(int(screen.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	conn := upgraded(t, func(c *net.UnixConn) { io.WriteString(c, "raw\r\n") })
	var out bytes.Buffer
	st := &Stream{Conn: conn, Out: &out, TTY: true}
	if err := st.Open(sessionWith(screen), true); err != nil {
		t.Fatal(err)
	}
	during, err := unix.IoctlGetTermios(int(screen.Fd()), unix.TCGETS)
	if err != nil || during.Lflag&(unix.ICANON|unix.ECHO) != 0 {
		t.Errorf("the terminal is not raw: %+v, %v", during, err)
	}
	st.in = strings.NewReader("") // nobody types
	if err := st.Run(); err != nil || out.String() != "raw\r\n" {
		t.Errorf("%q, %v", &out, err)
	}
	st.Close()
	if after, err := unix.IoctlGetTermios(int(screen.Fd()), unix.TCGETS); err != nil || *after != *before {
		t.Errorf("%+v is left as %+v, %v", before, after, err)
	}
}

// TestFollowSize: the size is told at once and at each change, and no longer after stop.
func TestFollowSize(t *testing.T) {
	keyboard, screen := terminal(t)
	resize := func(rows, columns uint16) {
		if err := unix.IoctlSetWinsize(int(keyboard.Fd()), unix.TIOCSWINSZ,
			&unix.Winsize{Row: rows, Col: columns}); err != nil {
			t.Fatal(err)
		}
	}
	resize(24, 80)
	s := sessionWith(screen)
	told := make(chan string, 10)
	stop := FollowSize(s, func(h, w int) error {
		told <- fmt.Sprint(h, "x", w)
		return nil
	})
	next := func() string {
		select {
		case size := <-told:
			return size
		case <-time.After(time.Minute):
			return "nothing"
		}
	}
	if got := next(); got != "24x80" {
		t.Error(got)
	}
	resize(50, 132)
	if err := unix.Kill(os.Getpid(), unix.SIGWINCH); err != nil { // it is not the terminal of this process
		t.Fatal(err)
	}
	if got := next(); got != "50x132" {
		t.Error(got)
	}
	stop()
	if stop := FollowSize(sessionWith(strings.NewReader("")), nil); stop == nil {
		t.Error("no stop without a terminal")
	} else {
		stop()
	}
}
