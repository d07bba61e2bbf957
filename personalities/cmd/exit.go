package cmd

import "fmt"

// Exit is an error that decides the exit code of the process. With an Err the text of Err is printed
// as it stands; without one nothing is, because the command has said all there is to say.
type Exit struct {
	Code int
	Err  error
}

// Error is the text of the wrapped error, or the bare code.
func (e *Exit) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit code %d", e.Code)
	}
	return e.Err.Error()
}

// Unwrap gives the wrapped error to errors.Is and errors.As.
func (e *Exit) Unwrap() error { return e.Err }
