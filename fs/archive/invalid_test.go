package archive

import (
	"errors"
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"
)

// TestInvalid: an error has the class, stays what it was, and says it once.
func TestInvalid(t *testing.T) {
	for _, row := range []struct {
		err  error
		want string
	}{
		{io.ErrUnexpectedEOF, "unexpected EOF: invalid argument"},
		{fmt.Errorf("gzip: %w: %w", io.ErrUnexpectedEOF, errdefs.ErrInvalidArgument),
			"gzip: unexpected EOF: invalid argument"},
		{unix.EINVAL, "invalid argument"},
		{&os.PathError{Op: "link", Path: "f", Err: unix.EINVAL}, "link f: invalid argument"},
		{unix.EPERM, "operation not permitted: invalid argument"},
	} {
		got := Invalid(row.err)
		if got.Error() != row.want || !errdefs.IsInvalidArgument(got) || !errors.Is(got, row.err) {
			t.Errorf("%q, want %q", got, row.want)
		}
		if again := Invalid(got); again.Error() != row.want {
			t.Errorf("twice: %q", again)
		}
	}
}
