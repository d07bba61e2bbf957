package session

import (
	"errors"
	"fmt"
	"os"

	"github.com/containerd/errdefs"
)

// Unpath is an error about a file under the name that the user gave.
func Unpath(err error, name string) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return fmt.Errorf("%s %s: %w", path.Op, name, path.Err)
	}
	return err
}

// IsMissing tells the error about an object that the daemon does not have.
func IsMissing(err error) bool { return errdefs.IsNotFound(err) }
