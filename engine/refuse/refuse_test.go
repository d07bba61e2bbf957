package refuse

import (
	"errors"
	"io"
	"testing"

	"github.com/containerd/errdefs"
)

// TestClasses: each constructor gives its class and the text as it is, per cent signs of arguments among it.
func TestClasses(t *testing.T) {
	for name, row := range map[string]struct {
		make func(string, ...any) error
		is   func(error) bool
	}{
		"Invalid": {Invalid, errdefs.IsInvalidArgument}, "NotFound": {NotFound, errdefs.IsNotFound},
		"Conflict": {Conflict, errdefs.IsConflict},
		"Denied":   {Denied, errdefs.IsPermissionDenied}, "Unavailable": {Unavailable, errdefs.IsUnavailable},
		"NotImplemented": {NotImplemented, errdefs.IsNotImplemented}, "Internal": {Internal, errdefs.IsInternal},
		"NotModified": {NotModified, func(err error) bool { return errors.Is(err, ErrNotModified) }},
	} {
		err := row.make("%s is %d", "100%s", 1)
		if err.Error() != "100%s is 1" || !row.is(err) {
			t.Errorf("%s: %v", name, err)
		}
		for other, class := range map[string]error{"Invalid": errdefs.ErrInvalidArgument, "NotFound": errdefs.ErrNotFound,
			"Conflict": errdefs.ErrConflict} {
			if other != name && errors.Is(err, class) {
				t.Errorf("%s is of the class of %s too", name, other)
			}
		}
	}
}

// TestCause: a cause is found by who looks for it, and is not in the text.
func TestCause(t *testing.T) {
	err := As(errdefs.ErrConflict, io.ErrUnexpectedEOF, "cannot do it")
	if !errors.Is(err, io.ErrUnexpectedEOF) || !errdefs.IsConflict(err) || err.Error() != "cannot do it" {
		t.Error(err)
	}
}
