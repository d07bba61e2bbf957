package runc

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"box/engine/runtime"
)

// TestTyped checks that the end of libcontainer's text gives the type, and that names in it do not.
func TestTyped(t *testing.T) {
	const start = "unable to start container process: error during container init: "
	kinds := []error{runtime.ErrNotStarted, runtime.ErrNotInPath, unix.ENOENT, unix.ENOTDIR, unix.EACCES, unix.EISDIR}
	mount := `error mounting "/a" to rootfs at "/b": mount src=/a, dst=/b, flags=MS_BIND: not a directory`
	for text, want := range map[string][]error{
		start + `exec: "x": executable file not found in $PATH`:     {runtime.ErrNotStarted, runtime.ErrNotInPath},
		start + `exec: "/x": stat /x: no such file or directory`:    {runtime.ErrNotStarted, unix.ENOENT},
		start + `exec: "no such file or directory": is a directory`: {runtime.ErrNotStarted, unix.EISDIR},
		start + `exec: "/x: not a directory": permission denied`:    {runtime.ErrNotStarted, unix.EACCES},
		start + mount: {runtime.ErrNotStarted, unix.ENOTDIR},
		start + "x: is a directory; runc init error(s): more":         {runtime.ErrNotStarted, unix.EISDIR},
		start + "can't get final child's PID from pipe: EOF":          {runtime.ErrNotStarted},
		"unable to apply cgroup: mkdir /x: no such file or directory": {unix.ENOENT},
		"container refused, it is unable to start container process":  nil,
		"unable to start container processes":                         nil,
		"no program to execute":                                       nil,
	} {
		err := typed(errors.New(text))
		if err.Error() != text {
			t.Errorf("%q became %q", text, err)
		}
		for _, kind := range kinds {
			is := false
			for _, w := range want {
				is = is || w == kind
			}
			if errors.Is(err, kind) != is {
				t.Errorf("%q: %v is %v", text, kind, !is)
			}
		}
	}
	if typed(nil) != nil {
		t.Error("no error is one")
	}
	if err := typed(unix.EBUSY); !errors.Is(err, unix.EBUSY) {
		t.Errorf("%v has lost what it was", err)
	}
}
