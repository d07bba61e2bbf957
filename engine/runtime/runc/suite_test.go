package runc

import (
	"os"
	"path/filepath"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"box/engine/runtime"
	"box/engine/runtime/runtimetest"
)

// TestSuite runs the suite with the texts in which libcontainer differs from box.
func TestSuite(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("starting containers needs root")
	}
	files := t.TempDir()
	r, err := New(files)
	if err != nil {
		t.Fatal(err)
	}
	by := func(start func(*specs.Process, runtime.Streams) (int, *os.File, error)) runtimetest.Start {
		return func(p *specs.Process, stdin, stdout, stderr *os.File) (int, *os.File, error) {
			return start(p, runtime.Streams{Stdin: stdin, Stdout: stdout, Stderr: stderr})
		}
	}
	create := func(t *testing.T, id string, spec *specs.Spec) runtimetest.Container {
		c, err := r.Create(id, spec, nil)
		if err != nil {
			t.Fatal(err)
		}
		groups, err := c.CgroupPaths()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			remove(t, c.Delete)
			for _, dir := range groups {
				if _, err := os.Stat(dir); err == nil {
					t.Errorf("%s is left", dir)
				}
				_ = os.Remove(filepath.Dir(dir))
			}
			if left, _ := os.ReadDir(files); id != "" && contains(left, id) {
				t.Errorf("files of %s are left", id)
			}
		})
		return runtimetest.Container{Start: by(c.Start), Exec: by(c.Exec)}
	}
	runtimetest.Suite(t, runtimetest.Runtime{Create: create, Keeps: []string{"/sys/fs/cgroup", "/", "exec.fifo (deleted)"},
		Words: map[string]string{
			"stopped":                "unable to start container process", // whatever it was waiting for
			"working folder outside": "mkdir /proc/self/fd/7: not a directory",
			"mode and owner of what a file is masked with": "crw-------\n", // the container has its own device
			"few files":            "too many open files", // Go's runtime needs some files
			"few files of its own": "too many open files",
			"umask of its own":     "0022\n", // the container's umask
			"no source":            "open /no/such: no such file or directory",
			"bind on the root":     "is on the top of rootfs",
			"bind in /proc":        "cannot be mounted because it is inside /proc",
			"other /proc":          "cannot be mounted because it is not of type proc",
			"/proc behind a link":  `filesystem "proc" must be mounted on ordinary directory`,
		}})
}

func contains(list []os.DirEntry, name string) bool {
	for _, e := range list {
		if e.Name() == name {
			return true
		}
	}
	return false
}
