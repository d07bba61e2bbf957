package cgroup

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/containerd/errdefs"
)

func TestFreeze(t *testing.T) {
	t.Run("v1", func(t *testing.T) {
		h, parent := host(t, "freezer", "cpuset", "devices")
		freezing(t, h, parent+"/cold1")
	})
	t.Run("v2", func(t *testing.T) {
		h, parent := hostV2(t)
		freezing(t, h, parent+"/cold2")
	})
	var nothing Hierarchies
	if err := nothing.Open("/x").Freeze(); !errdefs.IsFailedPrecondition(err) {
		t.Error(err)
	}
}

// freezing checks that a program that constantly writes and forks is stopped, and resumes.
func freezing(t *testing.T, h *Hierarchies, path string) {
	g := create(t, h, path, nil)
	if is, err := g.Frozen(); is || err != nil {
		t.Errorf("at first: %v, %v", is, err)
	}
	beat := filepath.Join(t.TempDir(), "beat")
	cmd, end := inside(t, g, `while :; do (echo x >>"`+beat+`"); done`)
	defer end()
	size := func() int64 {
		st, err := os.Stat(beat)
		if err != nil {
			return 0
		}
		return st.Size()
	}
	grows := func() bool {
		from := size()
		for range 200 {
			if size() > from {
				return true
			}
			time.Sleep(10 * time.Millisecond)
		}
		return false
	}
	for range 5 {
		if !grows() {
			t.Fatal("does not run")
		}
		if err := g.Freeze(); err != nil {
			t.Fatal(err)
		}
		at := size()
		if is, err := g.Frozen(); !is || err != nil {
			t.Errorf("frozen: %v, %v", is, err)
		}
		time.Sleep(20 * time.Millisecond)
		if size() != at {
			t.Error("runs while it is frozen")
		}
		if err := g.Thaw(); err != nil {
			t.Fatal(err)
		}
	}
	if !grows() {
		t.Error("does not go on")
	}
	if is, err := g.Frozen(); is || err != nil {
		t.Errorf("at last: %v, %v", is, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	end()
	_ = Clear(g.path) // its last forks
	if err := g.Delete(); err != nil {
		t.Error(err)
	}
	if is, err := g.Frozen(); is || err != nil {
		t.Errorf("gone: %v, %v", is, err)
	}
	if err := g.Freeze(); err == nil {
		t.Error("freezes what is gone")
	}
}
