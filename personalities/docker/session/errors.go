package session

import (
	"errors"
	"fmt"
	"os"

	"github.com/containerd/errdefs"
)

// UserPath replaces the path in an error about a file by the name that the user typed.
func UserPath(err error, name string) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return fmt.Errorf("%s %s: %w", path.Op, name, path.Err)
	}
	return err
}

// IsMissing tells whether the daemon does not have the object.
func IsMissing(err error) bool { return errdefs.IsNotFound(err) }
