package archive

import (
	"errors"
	"fmt"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"
)

// Invalid adds the class errdefs.ErrInvalidArgument to err, whose text then has that of the class, which is also that
// of EINVAL, only once.
func Invalid(err error) error {
	switch {
	case errdefs.IsInvalidArgument(err):
		return err
	case errors.Is(err, unix.EINVAL):
		return invalidCall{err}
	}
	return fmt.Errorf("%w: %w", err, errdefs.ErrInvalidArgument)
}

// invalidCall is an EINVAL that an archive causes.
type invalidCall struct{ error }

// Unwrap returns the error and its class.
func (e invalidCall) Unwrap() []error { return []error{e.error, errdefs.ErrInvalidArgument} }
