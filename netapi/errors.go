package netapi

import (
	"context"
	"errors"
	"net/http"

	"github.com/containerd/errdefs"

	"box/engine/refuse"
)

// statusOf maps a class of errors to an HTTP status, and is the only place that does.
func statusOf(err error) int {
	var large *http.MaxBytesError
	switch {
	case errors.Is(err, refuse.ErrNotModified):
		return http.StatusNotModified
	case errors.As(err, &large):
		return http.StatusRequestEntityTooLarge
	case errdefs.IsNotFound(err):
		return http.StatusNotFound
	case errdefs.IsInvalidArgument(err), errdefs.IsOutOfRange(err), errdefs.IsFailedPrecondition(err):
		return http.StatusBadRequest
	case errdefs.IsConflict(err), errdefs.IsAlreadyExists(err):
		return http.StatusConflict
	case errdefs.IsUnauthorized(err):
		return http.StatusUnauthorized
	case errdefs.IsPermissionDenied(err):
		return http.StatusForbidden
	case errdefs.IsNotImplemented(err):
		return http.StatusNotImplemented
	case errdefs.IsUnavailable(err):
		return http.StatusServiceUnavailable
	case errors.Is(err, context.Canceled):
		return http.StatusInternalServerError
	}
	return http.StatusInternalServerError
}
