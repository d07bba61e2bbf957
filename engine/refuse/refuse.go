// Package refuse makes errors with Docker's exact text, a class of containerd/errdefs that determines the status of the
// reply, and optionally a cause for errors.Is.
package refuse

import (
	"errors"
	"fmt"

	"github.com/containerd/errdefs"
)

// refusal is such an error. Only its text is shown.
type refusal struct {
	text  string
	class error
	cause error // may be nil
}

// Error returns the text.
func (r *refusal) Error() string { return r.text }

// Unwrap returns the class, and the cause if there is one.
func (r *refusal) Unwrap() []error {
	if r.cause == nil {
		return []error{r.class}
	}
	return []error{r.class, r.cause}
}

// ErrNotModified is the class of errors that say that there was nothing to do.
var ErrNotModified = fmt.Errorf("not modified: %w", errdefs.ErrAlreadyExists)

// As returns an error with a class, a text and a cause, which may be nil.
func As(class, cause error, text string) error {
	return &refusal{text: text, class: class, cause: cause}
}

// Is tells whether err is an error of this package, whose text needs no prefix.
func Is(err error) bool { return errors.As(err, new(*refusal)) }

// Invalid refuses a request that is invalid whatever the state of the daemon is.
func Invalid(format string, args ...any) error {
	return As(errdefs.ErrInvalidArgument, nil, fmt.Sprintf(format, args...))
}

// NotFound says that an object does not exist.
func NotFound(format string, args ...any) error {
	return As(errdefs.ErrNotFound, nil, fmt.Sprintf(format, args...))
}

// Conflict refuses what the state of an object does not allow.
func Conflict(format string, args ...any) error {
	return As(errdefs.ErrConflict, nil, fmt.Sprintf(format, args...))
}

// Denied refuses what nobody may do.
func Denied(format string, args ...any) error {
	return As(errdefs.ErrPermissionDenied, nil, fmt.Sprintf(format, args...))
}

// Unavailable refuses what this daemon cannot do, because of its configuration or at the moment.
func Unavailable(format string, args ...any) error {
	return As(errdefs.ErrUnavailable, nil, fmt.Sprintf(format, args...))
}

// NotImplemented refuses what a driver or the host does not support.
func NotImplemented(format string, args ...any) error {
	return As(errdefs.ErrNotImplemented, nil, fmt.Sprintf(format, args...))
}

// Internal is for errors that Docker answers with status 500, whatever they are.
func Internal(format string, args ...any) error {
	return As(errdefs.ErrInternal, nil, fmt.Sprintf(format, args...))
}

// NotModified says that an object is already in the requested state.
func NotModified(format string, args ...any) error {
	return As(ErrNotModified, nil, fmt.Sprintf(format, args...))
}
