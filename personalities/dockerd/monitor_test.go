package dockerd

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"box/netapi"
	"box/personalities/dockerd/config"
)

// A connection within the process carries what was shown, has ends that close for themselves, and ends with the
// listener.
func TestInsideListener(t *testing.T) {
	l := &insideListener{conns: make(chan net.Conn), done: make(chan struct{})}
	shown := &tls.ConnectionState{ServerName: "x"}
	accepted := make(chan net.Conn, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			t.Error(err)
		}
		accepted <- c
	}()
	c, err := l.dial(t.Context(), shown)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	far := <-accepted
	defer far.Close()
	if in, ok := far.(netapi.Inside); !ok || in.Shown() != shown {
		t.Errorf("%T does not carry what was shown", far)
	}
	long := strings.Repeat("x", 32<<10)
	if _, err := io.WriteString(c, long); err != nil { // nobody reads yet
		t.Fatal(err)
	}
	if err := c.(*net.UnixConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(far); err != nil || string(got) != long {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if _, err := io.WriteString(far, "back"); err != nil {
		t.Errorf("the way back: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := l.dial(ctx, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("nobody accepts: %v", err)
	}
	for range 2 {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("accepted after the end: %v", err)
	}
	if _, err := l.dial(t.Context(), nil); !errors.Is(err, net.ErrClosed) {
		t.Errorf("dialled after the end: %v", err)
	}
}

// The page listens where it is told, and refuses to be open to others without TLS.
func TestListenMonitor(t *testing.T) {
	for _, one := range []struct {
		address  string
		insecure bool
		why      string
	}{
		{"", false, ""}, {"127.0.0.1:0", false, ""}, {"0.0.0.0:0", true, ""},
		{"0.0.0.0:0", false, "--monitor-insecure"}, {"no port:x", false, "--monitor no port:x"},
	} {
		o := &config.Options{}
		o.Monitor, o.Insecure = one.address, one.insecure
		p, err := listenMonitor(o, nil)
		if one.why == "" && err != nil || one.why != "" && (err == nil || !strings.Contains(err.Error(), one.why)) {
			t.Errorf("%+v: %v", one, err)
		}
		if err == nil {
			p.close()
			p.close()
		}
	}
}
