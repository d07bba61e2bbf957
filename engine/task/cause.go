package task

import (
	"errors"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"
)

// Cause says why a program was not started, for use with errors.Is. The user's error text and the exit code depend on
// it.
type Cause string

// Causes. The first three say what was being done, the others what went wrong.
const (
	LogRefused  Cause = "log"   // the container's log could not be opened
	SpecRefused Cause = "spec"  // the runtime refused the container's spec
	NotStarted  Cause = "start" // the runtime could not start the program

	NotInPath    Cause = "not in path"     // no folder of PATH has the program
	Missing      Cause = "missing"         // a file is missing: the program, a folder or a mount's source
	NotDirectory Cause = "not a directory" // a path leads through a file, or a directory is mounted on one
	NoPermission Cause = "permission"
	IsDirectory  Cause = "directory" // the program is a directory
)

// Error implements error, so that errors.Is can look for a Cause.
func (c Cause) Error() string { return string(c) }

// Because adds causes to err for errors.Is, and keeps its text.
func Because(err error, causes ...Cause) error {
	if err == nil || len(causes) == 0 {
		return err
	}
	return &caused{err, causes}
}

type caused struct {
	error
	causes []Cause
}

func (c *caused) Unwrap() []error {
	list := []error{c.error}
	for _, cause := range c.causes {
		list = append(list, cause)
	}
	return list
}

// origins lists all causes, each with its trace in the error texts of daemons and keepers that do not send causes: a
// prefix, or a part.
var origins = []struct {
	cause Cause
	begin string // prefix of the error's text, only for them
	part  string
}{
	{LogRefused, "failed to initialize logging driver: ", ""},
	{SpecRefused, "container refused: ", ""},
	{NotStarted, "", "unable to start container process"},
	{NotInPath, "", "executable file not found"},
	{Missing, "", unix.ENOENT.Error()},
	{NotDirectory, "", unix.ENOTDIR.Error()},
	{NoPermission, "", unix.EACCES.Error()},
	{IsDirectory, "", unix.EISDIR.Error()},
}

// classes lists the error classes that survive the way from the keeper to the daemon. If an error has several, the
// first listed here is sent.
var classes = []struct {
	name string
	is   error
}{
	{"not found", errdefs.ErrNotFound},
	{"invalid argument", errdefs.ErrInvalidArgument},
	{"already exists", errdefs.ErrAlreadyExists},
	{"conflict", errdefs.ErrConflict},
	{"failed precondition", errdefs.ErrFailedPrecondition},
	{"unavailable", errdefs.ErrUnavailable},
}

// remoteError is a keeper's error as the daemon sees it: its text, with class and causes for errors.Is.
type remoteError struct {
	text  string
	kinds []error
}

func (e *remoteError) Error() string   { return e.text }
func (e *remoteError) Unwrap() []error { return e.kinds }

// Fail returns the reply that carries err.
func Fail(err error) Reply {
	r := Reply{Version: ProtocolVersion, Error: err.Error(), Causes: []Cause{}}
	for _, c := range classes {
		if errors.Is(err, c.is) {
			r.Class = c.name
			break
		}
	}
	for _, o := range origins {
		if errors.Is(err, o.cause) {
			r.Causes = append(r.Causes, o.cause)
			r.Error = o.begin + r.Error
		}
	}
	return r
}

// Err returns the error that a reply carries, nil for none. If an old keeper sent no causes, they are read from its
// text.
func (r Reply) Err() error {
	if r.Error == "" {
		return nil
	}
	e := &remoteError{text: r.Error}
	for _, c := range classes {
		if c.name == r.Class {
			e.kinds = append(e.kinds, c.is)
		}
	}
	for _, o := range origins {
		has := slices.Contains(r.Causes, o.cause)
		if r.Causes == nil {
			has = o.begin != "" && strings.HasPrefix(r.Error, o.begin) || o.part != "" && strings.Contains(r.Error, o.part)
		}
		if has {
			e.kinds = append(e.kinds, o.cause)
			e.text = strings.TrimPrefix(e.text, o.begin)
		}
	}
	return e
}
