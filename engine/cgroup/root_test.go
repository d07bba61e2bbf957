package cgroup

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/containerd/errdefs"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// TestRootIsRefused checks that every operation refuses the root, by whatever path, before it touches a file or a
// process. A lost or damaged record has such a path, and every process of the host is below the root.
func TestRootIsRefused(t *testing.T) {
	for _, row := range []struct {
		name string
		does func(h *Hierarchies, p string) error
	}{
		{"kill", func(h *Hierarchies, p string) error { return h.Open(p).Kill() }},
		{"signal", func(h *Hierarchies, p string) error { return h.Open(p).Signal(unix.SIGTERM) }},
		{"freeze", func(h *Hierarchies, p string) error { return h.Open(p).Freeze() }},
		{"update", func(h *Hierarchies, p string) error { return h.Open(p).Update(&specs.LinuxResources{}) }},
		{"delete", func(h *Hierarchies, p string) error { return h.Open(p).Delete() }},
		{"create", func(h *Hierarchies, p string) error { _, err := h.Create(p, nil); return err }},
		{"clear", func(h *Hierarchies, p string) error { return h.clear(p) }},
	} {
		for _, p := range []string{"", "/", "//", ".", "..", "/..", "/a/..", "a/../../..", "/./"} {
			h, held, victim := treeWithProcess(t)
			if err := row.does(h, p); !errdefs.IsInvalidArgument(err) {
				t.Errorf("%s of %q: %v", row.name, p, err)
			}
			for file, was := range held {
				if now, err := os.ReadFile(file); err != nil || string(now) != was {
					t.Errorf("%s of %q made %s %q: %v", row.name, p, filepath.Base(file), now, err)
				}
			}
			if err := victim.Process.Signal(unix.Signal(0)); err != nil {
				t.Errorf("%s of %q ended a process: %v", row.name, p, err)
			}
			_ = victim.Process.Kill()
			_ = victim.Wait()
		}
	}
}

// treeWithProcess makes a unified tree in a folder, whose root has a process.
func treeWithProcess(t *testing.T) (h *Hierarchies, held map[string]string, victim *exec.Cmd) {
	t.Helper()
	victim = exec.Command("sleep", "1000")
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	held = map[string]string{}
	for file, text := range map[string]string{
		"cgroup.procs": strconv.Itoa(victim.Process.Pid) + "\n", "cgroup.kill": "", "cgroup.freeze": "0\n",
		"cgroup.events": "populated 1\nfrozen 0\n", "cgroup.subtree_control": "", "cgroup.controllers": "",
	} {
		path := filepath.Join(dir, file)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		held[path] = text
	}
	return unifiedAt(dir, nil), held, victim
}
