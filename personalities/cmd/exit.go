package cmd

import "fmt"

// Exit is an error with an exit code. Err is printed as it is; without an Err nothing is printed, because the command
// has already printed what there was.
type Exit struct {
	Code int
	Err  error
}

// Error returns the text of Err, or else names the exit code.
func (e *Exit) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit code %d", e.Code)
	}
	return e.Err.Error()
}

// Unwrap returns Err, for errors.Is and errors.As.
func (e *Exit) Unwrap() error { return e.Err }
