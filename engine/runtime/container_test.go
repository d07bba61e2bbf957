package runtime

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"box/engine/runtime/runtimetest"
)

func TestSuite(t *testing.T) {
	runtimetest.Suite(t, runtimetest.Runtime{Create: func(t *testing.T, id string,
		spec *specs.Spec) runtimetest.Container {
		c := newContainer(t, id, spec)
		return runtimetest.Container{Start: by(c.Start), Exec: by(c.Exec)}
	}})
}

// by is how the suite starts a program.
func by(start func(*specs.Process, Streams) (int, *os.File, error)) runtimetest.Start {
	return func(p *specs.Process, stdin, stdout, stderr *os.File) (int, *os.File, error) {
		return start(p, Streams{Stdin: stdin, Stdout: stdout, Stderr: stderr})
	}
}

// launch starts a program.
func launch(start func(*specs.Process, Streams) (int, *os.File, error), p specs.Process,
	args ...string) (*runtimetest.Running, error) {
	return runtimetest.Launch(by(start), p, args...)
}

// newContainer makes a container and deletes it when the test ends.
func newContainer(t *testing.T, id string, spec *specs.Spec) *container {
	t.Helper()
	r, err := New()
	if err != nil {
		t.Fatal(err)
	}
	c, err := r.create(id, spec, nil)
	if err != nil {
		t.Fatal(err)
	}
	paths, err := c.CgroupPaths()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for limit := time.Now().Add(time.Minute); ; {
			err := c.Delete()
			if err == nil {
				break
			}
			if !errdefs.IsConflict(err) || time.Now().After(limit) {
				t.Errorf("delete: %v", err)
				break
			}
			time.Sleep(time.Millisecond)
		}
		for _, dir := range paths {
			if _, err := os.Stat(dir); err == nil {
				t.Errorf("%s is left", dir)
			}
			_ = os.Remove(filepath.Dir(dir)) // the last container's cleanup finds it empty
		}
	})
	return c
}

// sleeper starts a container that runs until the test ends.
func sleeper(t *testing.T, args ...string) (*container, *specs.Spec) {
	t.Helper()
	spec := runtimetest.Spec(t, runtimetest.BusyboxRoot(t))
	runtimetest.Quiet(t)
	c := newContainer(t, "sleeper", spec)
	r, err := launch(c.Start, *spec.Process, args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = unix.Kill(r.Pid, unix.SIGKILL)
		r.End(t)
	})
	return c, spec
}

// TestExecOver checks that exec refuses a container whose process is gone, even if another has its number by now.
func TestExecOver(t *testing.T) {
	c, spec := sleeper(t, "sleep", "1000")
	c.record.Birth++
	if _, err := launch(c.Exec, *spec.Process, "true"); !errdefs.IsNotFound(err) {
		t.Errorf("exec in a container whose process has another's number: %v", err)
	}
	c.record.Birth--
	if _, code := runtimetest.Result(t, by(c.Exec), *spec.Process, "true"); code != 0 {
		t.Errorf("code %d", code)
	}
	if err := c.Signal(unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for limit := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		if words, err := processState(c.record.Pid); err != nil || words[0] == "Z" {
			break
		} else if time.Now().After(limit) {
			t.Fatal("killed process does not end")
		}
	}
	if _, err := launch(c.Exec, *spec.Process, "true"); !errdefs.IsNotFound(err) {
		t.Errorf("exec in a container whose process ended: %v", err)
	}
}
