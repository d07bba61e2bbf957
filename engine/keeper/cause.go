package keeper

import (
	"errors"

	"golang.org/x/sys/unix"

	"box/engine/runtime"
	"box/engine/task"
)

// reasons are what can be wrong with a start that users are told of in words of their own. The first that an error has
// counts.
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

// because names the causes of a runtime's error for the daemon, which gets no more of it than those and the text.
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
