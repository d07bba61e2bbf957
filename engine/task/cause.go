package task

import (
	"errors"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"
)

// Cause is why a program was not started, for errors.Is: what users are told, and the exit code, depend on it.
type Cause string

// Causes. The first three say what was being done, the others what was wrong then.
const (
	LogRefused  Cause = "log"   // the container's log could not be opened
	SpecRefused Cause = "spec"  // the runtime did not take the container's spec
	NotStarted  Cause = "start" // the runtime could not get the program to run

	NotInPath    Cause = "not in path"     // no folder of PATH has the program
	Missing      Cause = "missing"         // a file is not there: the program, a folder, what is mounted
	NotDirectory Cause = "not a directory" // on the way to a file, or where a directory is mounted on one
	NoPermission Cause = "permission"
	IsDirectory  Cause = "directory" // it is the program
)

// Error implements error, for errors.Is.
func (c Cause) Error() string { return string(c) }

// Because gives err causes, for errors.Is. Its text stays.
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

// origins are all causes, each with what it is for daemons and keepers that do not send it: a text before an error, or
// in it.
var origins = []struct {
	cause Cause
	begin string // before the text of the error, for them alone
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

// classes are the errors whose class survives the way from the keeper to the daemon. Of several that an error has, the
// first here goes.
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

// remoteError is an error of the keeper's as the daemon sees it: its text, with class and causes for errors.Is.
type remoteError struct {
	text  string
	kinds []error
}

func (e *remoteError) Error() string   { return e.text }
func (e *remoteError) Unwrap() []error { return e.kinds }

// Fail is the reply that carries err.
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

// Err is the error that a reply carries, nil for none. A keeper of before there were causes has said them in the text.
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
