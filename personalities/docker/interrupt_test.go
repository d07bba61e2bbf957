package docker

import (
	"io"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// stuck is a daemon whose requests end with the test.
func stuck(t *testing.T, routes ...string) *fake {
	over := make(chan struct{})
	table := map[string]http.HandlerFunc{}
	for _, route := range routes {
		table[route] = func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-over:
			case <-r.Context().Done():
			}
		}
	}
	f := newFake(t, table)
	t.Cleanup(func() { close(over) })
	return f
}

// signalled runs a command and sends this process signals, one when ready and the rest after pauses.
func signalled(t *testing.T, f *fake, in io.Reader, signals []syscall.Signal, args ...string) result {
	t.Helper()
	ended := make(chan result, 1)
	go func() { ended <- dockerFrom(t, t.TempDir(), f.Host, in, args...) }()
	for _, s := range signals {
		time.Sleep(300 * time.Millisecond)
		if err := syscall.Kill(os.Getpid(), s); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case r := <-ended:
		return r
	case <-time.After(time.Minute):
		t.Fatalf("%v goes on after %v", args, signals)
	}
	return result{}
}

func TestSignals(t *testing.T) {
	f := stuck(t, "POST /containers/c/stop", "POST /containers/c/wait", "GET /events", "GET /containers/c/json",
		"POST /images/create", "POST /containers/d/stop")
	const sure = "\nAre you sure you want to continue? [y/N] \n"
	silent, write := io.Pipe()
	defer write.Close()
	for _, row := range []struct {
		args    string
		signals []syscall.Signal
		code    int
		stdout  string
		stderr  string
	}{
		{"stop c d", []syscall.Signal{syscall.SIGINT}, 130, "", ""},
		{"wait c", []syscall.Signal{syscall.SIGTERM}, 143, "", ""},
		{"events", []syscall.Signal{syscall.SIGINT}, 130, "", ""},
		{"pull busybox", []syscall.Signal{syscall.SIGINT}, 130, "", ""},
		{"import -", []syscall.Signal{syscall.SIGINT}, 130, "", ""},
		{"container prune", []syscall.Signal{syscall.SIGINT}, 0,
			"WARNING! This will remove all stopped containers." + sure, ""},
		{"network prune", []syscall.Signal{syscall.SIGTERM}, 0,
			"WARNING! This will remove all custom networks not used by at least one container." + sure, ""},
	} {
		r := signalled(t, f, silent, row.signals, strings.Fields(row.args)...)
		if r.Code != row.code || row.stdout != "" && r.Out != row.stdout || r.Stderr != row.stderr {
			t.Errorf("%s, %v: %+v, want %d %q %q", row.args, row.signals, r, row.code, row.stdout, row.stderr)
		}
	}
}
