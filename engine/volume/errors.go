package volume

import (
	"fmt"

	"github.com/containerd/errdefs"
)

// refusal is an error in Docker's words with the class that tells the status of the reply.
type refusal struct {
	class error
	text  string
	cause error // may be nil
}

func (r *refusal) Error() string { return r.text }

func (r *refusal) Unwrap() []error {
	if r.cause == nil {
		return []error{r.class}
	}
	return []error{r.class, r.cause}
}

func notFound(format string, args ...any) error {
	return &refusal{class: errdefs.ErrNotFound, text: fmt.Sprintf(format, args...)}
}

func conflict(format string, args ...any) error {
	return &refusal{class: errdefs.ErrConflict, text: fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) error {
	return &refusal{class: errdefs.ErrInvalidArgument, text: fmt.Sprintf(format, args...)}
}
