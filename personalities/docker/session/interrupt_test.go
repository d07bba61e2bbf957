package session

import (
	"context"
	"errors"
	"syscall"
	"testing"

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

// A command that leaves signals to the program in the container is ended by the third.
func TestThirdSignal(t *testing.T) {
	i := &interrupts{cancel: func(error) { t.Error("the context has ended") }, forced: make(chan struct{})}
	if i.Survive(context.Background()).Err() != nil {
		t.Error("a context that survives has ended")
	}
	for _, s := range []syscall.Signal{syscall.SIGUSR1, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		i.Count(s)
		select {
		case <-i.forced:
			t.Fatalf("ended by %v", s)
		default:
		}
	}
	i.Count(syscall.SIGINT)
	select {
	case <-i.forced:
	default:
		t.Error("not ended by the third")
	}
}
