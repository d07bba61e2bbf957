// Package refuse makes errors of three parts: a text that is Docker's word for word, a class of containerd/errdefs
// that tells the status of the reply, and, where there is one, the cause for who asks by errors.Is.
package refuse

import (
	"errors"
	"fmt"

	"github.com/containerd/errdefs"
)

// refusal is the error. Its text alone is shown: class and cause add nothing to it.
type refusal struct {
	text  string
	class error
	cause error // may be nil
}

// Error is the text.
func (r *refusal) Error() string { return r.text }

// Unwrap gives the class, and the cause if there is one.
func (r *refusal) Unwrap() []error {
	if r.cause == nil {
		return []error{r.class}
	}
	return []error{r.class, r.cause}
}

// ErrNotModified is the class of errors that say that there was nothing to do.
var ErrNotModified = fmt.Errorf("not modified: %w", errdefs.ErrAlreadyExists)

// As gives an error of that class with a text and, if cause is not nil, a cause.
func As(class, cause error, text string) error {
	return &refusal{text: text, class: class, cause: cause}
}

// Is tells whether err is one of this package's, whose text wants nothing before it.
func Is(err error) bool { return errors.As(err, new(*refusal)) }

// Invalid refuses a request that no state of the daemon makes right.
func Invalid(format string, args ...any) error {
	return As(errdefs.ErrInvalidArgument, nil, fmt.Sprintf(format, args...))
}

// NotFound says that what is named is not there.
func NotFound(format string, args ...any) error {
	return As(errdefs.ErrNotFound, nil, fmt.Sprintf(format, args...))
}

// Conflict refuses what the state of the object stands against.
func Conflict(format string, args ...any) error {
	return As(errdefs.ErrConflict, nil, fmt.Sprintf(format, args...))
}

// Denied refuses what nobody may do.
func Denied(format string, args ...any) error {
	return As(errdefs.ErrPermissionDenied, nil, fmt.Sprintf(format, args...))
}

// Unavailable refuses what this daemon is not set up for, or cannot do now.
func Unavailable(format string, args ...any) error {
	return As(errdefs.ErrUnavailable, nil, fmt.Sprintf(format, args...))
}

// NotImplemented refuses what a driver or the host cannot do.
func NotImplemented(format string, args ...any) error {
	return As(errdefs.ErrNotImplemented, nil, fmt.Sprintf(format, args...))
}

// Internal is for what Docker answers with 500, whatever it is.
func Internal(format string, args ...any) error {
	return As(errdefs.ErrInternal, nil, fmt.Sprintf(format, args...))
}

// NotModified says that an object is already as a request wants it.
func NotModified(format string, args ...any) error {
	return As(ErrNotModified, nil, fmt.Sprintf(format, args...))
}
