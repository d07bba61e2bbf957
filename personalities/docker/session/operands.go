package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"box/personalities/cmd"
)

// Partial is the exit code of a command that failed for some of its operands; their errors have been printed as they
// came.
func (s *Session) Partial(failed bool) error {
	if failed {
		return &cmd.Exit{Code: 1}
	}
	return nil
}

// Complain prints one such error; the user knows of a signal.
func (s *Session) Complain(err error) {
	var i *interrupted
	if errors.As(err, &i) {
		return
	}
	fmt.Fprintln(s.Err, s.Advise(err))
}

// Each applies f to every operand, prints the operand where it worked and the error where it did not.
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

// atOnce is how many containers one command works on at a time.
const atOnce = 50

// Together applies f to all operands at once and reports in their order, each as soon as those before it have.
func (s *Session) Together(ctx context.Context, operands []string, f func(context.Context, string) error) error {
	results := make([]chan error, len(operands))
	slots := make(chan struct{}, atOnce)
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

// Tolerated is an error that is reported and does not fail the command.
type Tolerated struct{ Err error }

// Error is that of the error in it.
func (t Tolerated) Error() string { return t.Err.Error() }
