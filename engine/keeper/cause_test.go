package keeper

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"

	"box/engine/runtime"
	"box/engine/task"
)

// TestCausesOverTheSocket checks that the daemon learns the type and the text of a runtime's error, whatever the
// error is made of. A failed clean-up beside it changes nothing.
func TestCausesOverTheSocket(t *testing.T) {
	n := startNursery(t)
	started := func(err error) error {
		return fmt.Errorf("%w: error during container init: %w", runtime.ErrNotStarted, err)
	}
	all := []task.Cause{task.LogRefused, task.SpecRefused, task.NotStarted, task.NotInPath, task.Missing,
		task.NotDirectory,
		task.NoPermission, task.IsDirectory}
	for _, row := range []struct {
		step   string
		err    error
		causes []task.Cause
	}{
		{"Create", errors.New("bad sysctl"), []task.Cause{task.SpecRefused}},
		{"Create", fmt.Errorf("cgroup: %w", unix.ENOENT), []task.Cause{task.SpecRefused, task.Missing}},
		{"Create", fmt.Errorf("cgroup: %w", unix.ENOSPC), []task.Cause{task.SpecRefused}},
		{"Start", errors.New("broken"), nil},
		{"Start", started(unix.EPERM), []task.Cause{task.NotStarted}},
		{"Start", started(fmt.Errorf(`exec: "x": %w`, runtime.ErrNotInPath)), []task.Cause{task.NotStarted, task.NotInPath}},
		{"Start", started(fmt.Errorf(`exec: "/x": stat /x: %w`, unix.ENOENT)), []task.Cause{task.NotStarted, task.Missing}},
		{"Start", started(fmt.Errorf("mount: %w", unix.ENOTDIR)), []task.Cause{task.NotStarted, task.NotDirectory}},
		{"Start", started(unix.EACCES), []task.Cause{task.NotStarted, task.NoPermission}},
		{"Start", started(unix.EISDIR), []task.Cause{task.NotStarted, task.IsDirectory}},
		{"Start", started(errors.New("no such file or directory, says a name")), []task.Cause{task.NotStarted}},
		{"Exec", started(fmt.Errorf(`exec: "x": %w`, runtime.ErrNotInPath)), []task.Cause{task.NotStarted, task.NotInPath}},
		{"Exec", fmt.Errorf("container c is paused: %w", errdefs.ErrConflict), nil},
		{"Exec", fmt.Errorf("chdir to cwd: %w", unix.ENOENT), []task.Cause{task.Missing}},
	} {
		n.runtime.failing("", nil)
		if row.step == "Exec" {
			_, err := n.launch("c", "exec sleep 1000")
			must(t, err)
		}
		n.runtime.failing(row.step, row.err)
		var err error
		if row.step == "Exec" {
			_, err = n.client.Task("c").Exec(context.Background(), task.Exec{ID: "e", Process: script("true").Process}, nil)
		} else {
			_, err = n.launch("c", "true")
		}
		if err == nil || err.Error() != row.err.Error() || errdefs.IsConflict(err) != errdefs.IsConflict(row.err) {
			t.Errorf("%s: %v became %v", row.step, row.err, err)
			continue
		}
		for _, cause := range all {
			want := false
			for _, c := range row.causes {
				want = want || c == cause
			}
			if errors.Is(err, cause) != want {
				t.Errorf("%s: %v: cause %q is %v", row.step, err, cause, !want)
			}
		}
		n.runtime.failing("", nil)
		n.clear()
	}
	_, err := n.client.Launch(context.Background(), task.Launch{ID: "d", Spec: script("true"),
		Log: task.Log{Driver: "odd"}}, nil)
	if !errors.Is(err, task.LogRefused) || err.Error() != `log driver "odd": invalid argument` {
		t.Errorf("a log that cannot be opened: %v", err)
	}
}
