package archive

import (
	"errors"
	"fmt"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"
)

// Invalid gives err the class errdefs.ErrInvalidArgument. The text of the class, which is also that of EINVAL, is in
// the error's once.
func Invalid(err error) error {
	switch {
	case errdefs.IsInvalidArgument(err):
		return err
	case errors.Is(err, unix.EINVAL):
		return invalidCall{err}
	}
	return fmt.Errorf("%w: %w", err, errdefs.ErrInvalidArgument)
}

// invalidCall is an EINVAL that is the fault of an archive.
type invalidCall struct{ error }

// Unwrap gives the error and its class.
func (e invalidCall) Unwrap() []error { return []error{e.error, errdefs.ErrInvalidArgument} }
