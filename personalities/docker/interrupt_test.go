package docker

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"box/personalities/cmd"
)

// A signal is what decides how a command that it cut off ends.
func TestEnding(t *testing.T) {
	by := func(s syscall.Signal) context.Context {
		ctx, cancel := context.WithCancelCause(context.Background())
		cancel(&interrupted{s})
		return ctx
	}
	other := errors.New("another error")
	for _, row := range []struct {
		name string
		ctx  context.Context
		err  error
		want int // -1: the error itself
	}{
		{"an interrupt", by(syscall.SIGINT), context.Canceled, 130},
		{"a request to end", by(syscall.SIGTERM), other, 143},
		{"one that was done", by(syscall.SIGINT), nil, 0},
		{"a question", by(syscall.SIGINT), &cmd.Exit{}, 0},
		{"several operands", by(syscall.SIGINT), &cmd.Exit{Code: 1}, 130},
		{"no signal", context.Background(), other, -1},
		{"no signal, a code", context.Background(), &cmd.Exit{Code: 7}, 7},
	} {
		err := ending(row.ctx, row.err)
		var exit *cmd.Exit
		switch {
		case row.want == -1 && err != other, row.want == 0 && err != nil && (!errors.As(err, &exit) || exit.Code != 0),
			row.want > 0 && (!errors.As(err, &exit) || exit.Code != row.want):
			t.Errorf("%s: %v, want %d", row.name, err, row.want)
		}
	}
}

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
	go func() { ended <- dockerFrom(t, t.TempDir(), f.host, in, args...) }()
	for _, s := range signals {
		time.Sleep(300 * time.Millisecond)
		if err := syscall.Kill(os.Getpid(), s); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case r := <-ended:
		return r
	case <-time.After(20 * time.Second):
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
		{"container prune", []syscall.Signal{syscall.SIGINT}, 0, "WARNING! This will remove all stopped containers." + sure, ""},
		{"network prune", []syscall.Signal{syscall.SIGTERM}, 0,
			"WARNING! This will remove all custom networks not used by at least one container." + sure, ""},
	} {
		r := signalled(t, f, silent, row.signals, strings.Fields(row.args)...)
		if r.code != row.code || row.stdout != "" && r.out != row.stdout || r.stderr != row.stderr {
			t.Errorf("%s, %v: %+v, want %d %q %q", row.args, row.signals, r, row.code, row.stdout, row.stderr)
		}
	}
}

// A command that leaves signals to the program in the container is ended by the third.
func TestThirdSignal(t *testing.T) {
	i := &interrupts{cancel: func(error) { t.Error("the context has ended") }, forced: make(chan struct{})}
	if i.survive(context.Background()).Err() != nil {
		t.Error("a context that survives has ended")
	}
	for _, s := range []syscall.Signal{syscall.SIGUSR1, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		i.count(s)
		select {
		case <-i.forced:
			t.Fatalf("ended by %v", s)
		default:
		}
	}
	i.count(syscall.SIGINT)
	select {
	case <-i.forced:
	default:
		t.Error("not ended by the third")
	}
}
