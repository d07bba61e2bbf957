package session

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"golang.org/x/term"

	"box/personalities/cmd"
)

// Runner is a command: a struct whose fields are its flags, and what is done when they have been read.
type Runner interface {
	Run(ctx context.Context, s *Session, p *cmd.Parsed) error
}

// forceAfter is the SIGINT or SIGTERM that ends a command whatever it is waiting for.
const forceAfter = 3

// windUp is how long a command has to end after a signal.
const windUp = time.Second

// interrupts are what SIGINT and SIGTERM do to a command: the first ends its context, the third the command.
type interrupts struct {
	cancel   context.CancelCauseFunc
	forced   chan struct{} // closed by the signal that is one too many
	terminal func()        // gives a terminal back as it was

	mu       sync.Mutex
	seen     int
	survives bool // signals are somebody else's: the context goes on
}

// interrupted is why a context ended.
type interrupted struct{ signal syscall.Signal }

// Error names the signal.
func (i *interrupted) Error() string { return "interrupted by " + i.signal.String() }

// watchInterrupts begins to watch for the two signals, until stop.
func watchInterrupts(ctx context.Context, in any) (_ context.Context, i *interrupts, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	i = &interrupts{cancel: cancel, forced: make(chan struct{}), terminal: func() {}}
	if fd, ok := Terminal(in); ok {
		if state, err := term.GetState(fd); err == nil {
			i.terminal = func() { _ = term.Restore(fd, state) }
		}
	}
	signals := make(chan os.Signal, forceAfter)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		for s := range signals {
			i.Count(s.(syscall.Signal))
		}
	}()
	return ctx, i, func() {
		signal.Stop(signals)
		close(signals)
		cancel(nil)
	}
}

// Count takes note of a signal. Others than SIGINT and SIGTERM may be as many as they like.
func (i *interrupts) Count(s syscall.Signal) {
	if s != syscall.SIGINT && s != syscall.SIGTERM {
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.seen++; i.seen == forceAfter {
		close(i.forced)
	}
	if !i.survives {
		i.cancel(&interrupted{s})
	}
}

// Survive is a context that a signal does not end: the program in the container decides what becomes of it.
func (i *interrupts) Survive(ctx context.Context) context.Context {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.survives = true
	return context.WithoutCancel(ctx)
}

// Guard runs a command until it ends, or until the user insists on that.
func (s *Session) Guard(ctx context.Context, p *cmd.Parsed, command Runner) error {
	ctx, i, stop := watchInterrupts(ctx, s.In)
	defer stop()
	s.Interrupts = i
	done := make(chan error, 1)
	go func() { done <- command.Run(ctx, s, p) }()
	select {
	case err := <-done:
		return ending(ctx, err)
	case <-overdue(ctx):
		// It reads standard input, which nothing interrupts.
		return ending(ctx, ctx.Err())
	case <-i.forced:
		i.terminal()
		return &cmd.Exit{Code: 1, Err: errors.New("\ngot 3 SIGTERM/SIGINTs, forcefully exiting")}
	}
}

// overdue is closed a while after ctx has ended.
func overdue(ctx context.Context) <-chan struct{} {
	late := make(chan struct{})
	context.AfterFunc(ctx, func() { time.AfterFunc(windUp, func() { close(late) }) })
	return late
}

// ending is the result of a command that a signal may have cut off: a shell reads 128 and the signal's number.
func ending(ctx context.Context, err error) error {
	var i *interrupted
	var exit *cmd.Exit
	if err == nil || !errors.As(context.Cause(ctx), &i) || errors.As(err, &exit) && exit.Code == 0 {
		return err
	}
	return &cmd.Exit{Code: 128 + int(i.signal)}
}
