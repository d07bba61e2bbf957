package runc

import (
	"strings"

	"golang.org/x/sys/unix"

	"box/engine/runtime"
)

// typed gives an error of libcontainer the type that it lost on its way, since the process in the container sends
// only text. The reason is at the end of the text or of its part before the init errors. In front of it are names
// that somebody chose.
func typed(err error) error {
	if err == nil {
		return nil
	}
	e := &typedError{error: err}
	text := err.Error()
	if strings.HasPrefix(text, runtime.ErrNotStarted.Error()+": ") {
		e.kinds = append(e.kinds, runtime.ErrNotStarted)
	}
	first, _, _ := strings.Cut(text, "; runc init error(s): ")
	for _, reason := range []error{runtime.ErrNotInPath, unix.ENOENT, unix.ENOTDIR, unix.EACCES, unix.EISDIR} {
		if end := ": " + reason.Error(); strings.HasSuffix(first, end) || strings.HasSuffix(text, end) {
			e.kinds = append(e.kinds, reason)
			break
		}
	}
	return e
}

type typedError struct {
	error
	kinds []error
}

func (e *typedError) Unwrap() []error { return append([]error{e.error}, e.kinds...) }
