package rootfs

import (
	"context"
	"log/slog"
	"sync"
	"testing"

	"box/fs"
	"box/fs/mount"
)

// plain is a driver whose layers are folders that need no mount.
type plain struct{ fs.Driver }

// Mounts implements fs.Driver.
func (plain) Mounts(_ context.Context, name string) (string, []mount.Mount, error) {
	return "/layers/" + name, nil, nil
}

// TestRoots: uses are counted side by side, an entry goes with its last use, and one that is dropped may be used again.
func TestRoots(t *testing.T) {
	r := New(plain{}, slog.Default())
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 200 {
				root, err := r.Mount(t.Context(), "a")
				if err != nil || root != "/layers/a" {
					t.Error(root, err)
				}
				r.Keep("b")
				r.Unmount("a")
				r.Unmount("b")
			}
		})
	}
	wg.Wait()
	if len(r.held) != 0 {
		t.Errorf("%d roots are held by nobody", len(r.held))
	}
	r.Keep("a")
	r.Keep("a")
	r.Drop("a")
	r.Unmount("a") // of who had it before it was dropped
	if len(r.held) != 0 {
		t.Error("held after a drop")
	}
	if _, err := r.Mount(t.Context(), "a"); err != nil || r.held["a"].users != 1 {
		t.Error(err, r.held["a"])
	}
}
