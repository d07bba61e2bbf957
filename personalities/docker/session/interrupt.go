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

// Runner is a command: a struct whose fields are its flags, with a method that runs it once they are set.
type Runner interface {
	Run(ctx context.Context, s *Session, p *cmd.Parsed) error
}

// forceAfter is how many SIGINTs and SIGTERMs end a command no matter what.
const forceAfter = 3

// gracePeriod is how long a command may take to end after a signal.
const gracePeriod = time.Second

// interrupts handles SIGINT and SIGTERM of a command: the first ends its context, the third ends the command.
type interrupts struct {
	cancel   context.CancelCauseFunc
	forced   chan struct{} // closed at the signal number forceAfter
	terminal func()        // restores the state of the terminal

	mu       sync.Mutex
	seen     int
	survives bool // a signal does not end the context, see Survive
}

// interrupted is the cause of a context that a signal ended.
type interrupted struct{ signal syscall.Signal }

// Error names the signal.
func (i *interrupted) Error() string { return "interrupted by " + i.signal.String() }

// watchInterrupts handles the two signals until stop is called.
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

// Count counts SIGINT and SIGTERM, and ignores other signals.
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

// Survive returns a context that signals do not end, for commands that forward signals to a container.
func (i *interrupts) Survive(ctx context.Context) context.Context {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.survives = true
	return context.WithoutCancel(ctx)
}

// Guard runs a command until it ends, or until signals force it to end.
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
		// the command is stuck in a read of standard input, which cannot be interrupted
		return ending(ctx, ctx.Err())
	case <-i.forced:
		i.terminal()
		return &cmd.Exit{Code: 1, Err: errors.New("\ngot 3 SIGTERM/SIGINTs, forcefully exiting")}
	}
}

// overdue returns a channel that is closed when ctx has been done for gracePeriod.
func overdue(ctx context.Context) <-chan struct{} {
	late := make(chan struct{})
	context.AfterFunc(ctx, func() { time.AfterFunc(gracePeriod, func() { close(late) }) })
	return late
}

// ending returns the result of a command: if a signal ended it, exit code 128 plus the number of the signal.
func ending(ctx context.Context, err error) error {
	var i *interrupted
	var exit *cmd.Exit
	if err == nil || !errors.As(context.Cause(ctx), &i) || errors.As(err, &exit) && exit.Code == 0 {
		return err
	}
	return &cmd.Exit{Code: 128 + int(i.signal)}
}
