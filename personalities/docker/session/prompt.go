package session

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"box/personalities/cmd"
)

// MaxAnswer is the maximum length of an answer in bytes.
const MaxAnswer = 64 << 10

// Ask waits for the user's answer. On a signal it ends the line of the question and returns an *cmd.Exit with code 0,
// because to leave a question is not a failure.
func (s *Session) Ask(ctx context.Context, read func() (string, error)) (string, error) {
	type answer struct {
		text string
		err  error
	}
	answers := make(chan answer, 1)
	go func() {
		text, err := read()
		answers <- answer{text, err}
	}()
	select {
	case a := <-answers:
		return a.text, a.err
	case <-ctx.Done():
		s.Interrupts.terminal()
		fmt.Fprintln(s.Out)
		return "", &cmd.Exit{}
	}
}

// Confirm prints a warning and asks whether to continue. It returns an *cmd.Exit with code 0 unless the answer is y.
func (s *Session) Confirm(ctx context.Context, warning string) error {
	fmt.Fprint(s.Out, "WARNING! "+warning+"\nAre you sure you want to continue? [y/N] ")
	answer, err := s.Ask(ctx, func() (string, error) {
		line, err := bufio.NewReader(io.LimitReader(s.In, MaxAnswer)).ReadString('\n')
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return line, err
	})
	if err != nil {
		return err
	}
	if strings.EqualFold(strings.TrimSpace(answer), "y") {
		return nil
	}
	return &cmd.Exit{} // no is no failure
}
