package engine

import (
	"errors"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	api "github.com/moby/moby/api/types/container"
	"golang.org/x/sys/unix"

	"box/engine/lifecycle"
	"box/engine/programs"
	"box/engine/refuse"
	"box/engine/task"
	"box/fs/archive"
)

// startFailed records why a start failed, for inspect, with the exit code of the client.
func (e *Engine) startFailed(c *lifecycle.Container, err error) {
	code := 128
	var x *startErr
	if errors.As(err, &x) {
		code = x.code
	}
	c.Change(func(s *lifecycle.Status) {
		s.ExitCode, s.Error, s.Pid = code, e.Explain(err).Error(), 0
		s.Endpoints, s.Sandbox = nil, ""
		s.Finished = time.Time{}
		if s.State == api.StateRestarting {
			s.State = api.StateExited
		}
	})
	for _, w := range c.Waiting() {
		w.Close()
	}
}

// startErr is a start that the runtime refused, with Docker's exit code.
type startErr struct {
	code int
	text string
}

func (e *startErr) Error() string { return e.text }
func (e *startErr) Unwrap() error { return errdefs.ErrInvalidArgument }

// startError distinguishes a command that does not exist (127) and one that cannot be run (126) from other errors, as
// Docker does, by their causes.
func startError(err error) error {
	const failed = "failed to create task for container: "
	switch {
	case errors.Is(err, task.LogRefused):
		return refuse.Internal(failed+"failed to initialize logging driver: %v", err)
	case !errors.Is(err, task.SpecRefused) && !errors.Is(err, task.NotStarted):
		return err
	}
	text := failed + "OCI runtime create failed: " + err.Error() + ": unknown"
	switch {
	case errors.Is(err, task.NotInPath) || errors.Is(err, task.Missing):
		return &startErr{127, text}
	case errors.Is(err, task.NotDirectory):
		return &startErr{126, text + ": Are you trying to mount a directory onto a file (or vice-versa)? Check if the " +
			"specified host path exists and is the expected type"}
	case errors.Is(err, task.NoPermission) || errors.Is(err, task.IsDirectory):
		return &startErr{126, text}
	}
	return refuse.Internal("%s", text)
}

// missingProgram adds which programs the image has instead of one that is not in its PATH.
func (e *Engine) missingProgram(rec *lifecycle.Record, root string, err error) string {
	argv := slices.Concat(rec.Config.Entrypoint, rec.Config.Cmd)
	if root == "" || !errors.Is(err, task.NotInPath) || len(argv) == 0 {
		return ""
	}
	fd, openErr := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if openErr != nil {
		return ""
	}
	in := archive.NewRoot(fd)
	defer in.Close()
	searched := "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	for _, variable := range rec.Config.Env {
		if value, ok := strings.CutPrefix(variable, "PATH="); ok {
			searched = value
		}
	}
	return programs.Missing(in.Open, argv[0], searched)
}

// ExecError is an exec that the runtime refused. As in Docker, its text is written to the streams of the exec.
type ExecError struct {
	Code int
	Text string
}

// Error implements error.
func (e *ExecError) Error() string { return e.Text }

// Unwrap returns the class.
func (e *ExecError) Unwrap() error { return errdefs.ErrInvalidArgument }

// errRelativeDir is the runtime's text for a working folder that begins nowhere.
var errRelativeDir = errors.New("Cwd must be an absolute path")

// execFailed records why the start of an exec failed. x.mu is held.
func (e *Engine) execFailed(x *execution, err error) error {
	text := err.Error()
	code := 126 // Docker's, whatever it was
	if errors.Is(err, task.NotInPath) || errors.Is(err, task.Missing) || errors.Is(err, os.ErrNotExist) {
		code = 127
	}
	x.code = &code
	close(x.changed)
	x.c.DropExec(x.id)
	e.dropLater(x)
	if errors.Is(err, task.NotStarted) || errors.Is(err, errRelativeDir) {
		text = "OCI runtime exec failed: exec failed: " + text + ": unknown"
	}
	return &ExecError{Code: code, Text: text}
}
