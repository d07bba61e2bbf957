package engine

import (
	"errors"
	"strings"

	"github.com/containerd/errdefs"
)

// ExecError is an exec that the runtime refused: Docker prints its text on the streams of the exec.
type ExecError struct {
	Code int
	Text string
}

// Error implements error.
func (e *ExecError) Error() string { return e.Text }

// Unwrap gives the class.
func (e *ExecError) Unwrap() error { return errdefs.ErrInvalidArgument }

// errRelativeDir is the runtime's text for a working folder that begins nowhere.
var errRelativeDir = errors.New("Cwd must be an absolute path")

// execFailed notes why a start failed; x.mu is held.
func (e *Engine) execFailed(x *execution, err error) error {
	text := err.Error()
	code := 126 // Docker's, whatever it was
	if strings.Contains(text, "executable file not found") || strings.Contains(text, "no such file or directory") {
		code = 127
	}
	x.code = &code
	close(x.changed)
	x.c.DropExec(x.id)
	e.dropLater(x)
	if strings.Contains(text, "unable to start container process") || errors.Is(err, errRelativeDir) {
		text = "OCI runtime exec failed: exec failed: " + text + ": unknown"
	}
	return &ExecError{Code: code, Text: text}
}
