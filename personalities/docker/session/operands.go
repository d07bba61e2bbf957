package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"box/personalities/cmd"
)

// Partial returns the exit code of a command that failed for some of its operands, whose errors have been printed.
func (s *Session) Partial(failed bool) error {
	if failed {
		return &cmd.Exit{Code: 1}
	}
	return nil
}

// Complain prints the error of one operand, unless it is that of a signal.
func (s *Session) Complain(err error) {
	var i *interrupted
	if errors.As(err, &i) {
		return
	}
	fmt.Fprintln(s.Err, s.Advise(err))
}

// Each calls f for each operand in turn, and prints the operand or the error.
func (s *Session) Each(ctx context.Context, operands []string, f func(context.Context, string) error) error {
	failed := false
	for _, operand := range operands {
		if err := f(ctx, operand); err != nil {
			if ctx.Err() != nil {
				return err
			}
			failed = true
			s.Complain(err)
			continue
		}
		if _, err := io.WriteString(s.Out, operand+"\n"); err != nil {
			return err
		}
	}
	return s.Partial(failed)
}

// maxAtOnce is how many operands Together works on at the same time.
const maxAtOnce = 50

// Together calls f for many operands at the same time. It prints results in the order of the operands, as early as that
// allows.
func (s *Session) Together(ctx context.Context, operands []string, f func(context.Context, string) error) error {
	results := make([]chan error, len(operands))
	slots := make(chan struct{}, maxAtOnce)
	var all sync.WaitGroup
	defer all.Wait()
	for i, operand := range operands {
		results[i] = make(chan error, 1)
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			results[i] <- f(ctx, operand)
		})
	}
	failed := false
	for i, operand := range operands {
		err := <-results[i]
		switch {
		case err == nil:
			fmt.Fprintln(s.Out, operand)
		default:
			s.Complain(err)
			failed = failed || !errors.As(err, &Tolerated{})
		}
	}
	return s.Partial(failed)
}

// Tolerated is an error that is printed but does not make the command fail.
type Tolerated struct{ Err error }

// Error returns the text of the wrapped error.
func (t Tolerated) Error() string { return t.Err.Error() }
