package keeper

import (
	"errors"

	"golang.org/x/sys/unix"

	"box/engine/runtime"
	"box/engine/task"
)

// reasons are the causes of a failed start for which users get a message of its own. The first that matches counts.
var reasons = []struct {
	is    error
	cause task.Cause
}{
	{runtime.ErrNotInPath, task.NotInPath},
	{unix.ENOENT, task.Missing},
	{unix.ENOTDIR, task.NotDirectory},
	{unix.EACCES, task.NoPermission},
	{unix.EISDIR, task.IsDirectory},
}

// because names the causes of a runtime's error for the daemon, which gets only these and the text.
func because(err error, causes ...task.Cause) error {
	if errors.Is(err, runtime.ErrNotStarted) {
		causes = append(causes, task.NotStarted)
	}
	for _, r := range reasons {
		if errors.Is(err, r.is) {
			causes = append(causes, r.cause)
			break
		}
	}
	return task.Because(err, causes...)
}
