package session

import (
	"errors"
	"net"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"box/netapi/client"
)

// What cannot be made to happen in a test without a network: the words for each way in which a host is not reached.
func TestUnreachable(t *testing.T) {
	dial := func(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }
	for _, row := range []struct {
		host string
		err  error
		want string
	}{
		{"unix:///x", os.ErrNotExist, "To start one: box dockerd --detach"},
		{"tcp://127.0.0.1:2375", dial(unix.ECONNREFUSED), "box dockerd --detach -H tcp://127.0.0.1:2375"},
		{"tcp://far:2376", dial(unix.ECONNREFUSED), "On far: box dockerd -H tcp://0.0.0.0:2376"},
		{"tcp://far:2376", dial(&net.DNSError{Err: "no such host", Name: "far", IsNotFound: true}),
			"The name far cannot be resolved"},
		{"tcp://far:2376", dial(os.ErrDeadlineExceeded), "is that host up, and is port 2376 open"},
		{"tcp://far:2376", dial(unix.EHOSTUNREACH), "no route to far"},
		{"tcp://[2001:db8::1]:2376", dial(unix.ENETUNREACH), "no route to 2001:db8::1"},
	} {
		got := unreachable(nil, &client.ConnectError{Host: row.host, Err: row.err})
		if !strings.Contains(got, row.want) {
			t.Errorf("%s, %v: %q, want %q", row.host, row.err, got, row.want)
		}
		if strings.HasPrefix(row.host, "tcp://far") && strings.Contains(got, "--detach") {
			t.Errorf("%s: a daemon here does not help: %q", row.host, got)
		}
	}
}

// Each row of the table is said of something in testdata/errors.txt, or is tested by itself.
func TestEveryAdviceIsShown(t *testing.T) {
	raw, err := os.ReadFile("../testdata/errors.txt")
	if err != nil {
		t.Fatal(err)
	}
	s := &Session{}
	for _, a := range advices() {
		if slices.Contains([]string{"the certificate, or TLS where there is none", "nobody may use the socket",
			"nobody answers",
			"ssh", "import of a dynamic program"}, a.kind) {
			continue // TestUnreachable, and the scripts certs, far and import
		}
		if a.kind == "a registry that this host does not reach" {
			if !strings.Contains(string(raw), "docker load -i FILE here") {
				t.Errorf("%s: not in the table", a.kind)
			}
			continue
		}
		if text := a.say(s, errors.New("")); text == "" || !strings.Contains(string(raw), text) {
			t.Errorf("%s: not in the table: %s", a.kind, text)
		}
	}
}
