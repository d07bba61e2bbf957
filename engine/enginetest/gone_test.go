package enginetest

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	api "github.com/moby/moby/api/types/container"

	"box/engine"
	"box/engine/attach"
	"box/fs/disk"
)

// gate stops operations on a path until it is opened, and tells when the first one came.
type gate struct {
	mu    sync.Mutex
	path  string
	came  chan struct{}
	open  chan struct{}
	first sync.Once
}

func (g *gate) around(op *disk.Op, do func() error) error {
	g.mu.Lock()
	path := g.path
	g.mu.Unlock()
	if path != "" && strings.HasPrefix(op.Path, path) {
		g.first.Do(func() { close(g.came) })
		<-g.open
	}
	return do()
}

// TestVerbsOfWhatGoes sends every verb to a container that is just being removed. Each ends, none succeeds but another
// removal, and nothing of the container stays or comes back: its name is free, also for a daemon that starts later.
func TestVerbsOfWhatGoes(t *testing.T) {
	verbs := map[string]func(context.Context, *rig) error{
		"rename": func(ctx context.Context, r *rig) error { return r.Rename(ctx, "going", "kept") },
		"update": func(ctx context.Context, r *rig) error {
			_, err := r.Update(ctx, "going", api.UpdateConfig{Resources: api.Resources{CPUShares: 512}})
			return err
		},
		"start":   func(ctx context.Context, r *rig) error { return r.Start(ctx, "going") },
		"restart": func(ctx context.Context, r *rig) error { return r.Restart(ctx, "going", engine.StopOptions{}) },
		"pause":   func(ctx context.Context, r *rig) error { return r.Pause(ctx, "going") },
		"unpause": func(ctx context.Context, r *rig) error { return r.Unpause(ctx, "going") },
		"kill":    func(ctx context.Context, r *rig) error { return r.Kill(ctx, "going", "") },
		"exec": func(ctx context.Context, r *rig) error {
			_, err := r.ExecCreate(ctx, "going", api.ExecCreateRequest{Cmd: []string{"true"}})
			return err
		},
		"attach": func(ctx context.Context, r *rig) error {
			a, err := r.Attach(ctx, "going", attach.Options{Stream: true, Stdout: true})
			if err == nil {
				a.Close()
			}
			return err
		},
	}
	for name, verb := range verbs {
		t.Run(name, func(t *testing.T) {
			g := &gate{came: make(chan struct{}), open: make(chan struct{})}
			r := newRig(t, func(o *engine.Options) { o.Disk = &disk.Disk{Around: g.around} })
			id := r.create("going", nil)
			g.mu.Lock()
			g.path = filepath.Join(r.folder(id), "record.json")
			g.mu.Unlock()
			removed, done := make(chan error, 1), make(chan error, 1)
			go func() { removed <- r.Remove(t.Context(), "going", engine.RemoveOptions{}) }()
			<-g.came
			go func() { done <- verb(t.Context(), r) }()
			select {
			case err := <-done: // it needs no lock, and found that the container goes
				done <- err
			case <-time.After(50 * time.Millisecond): // most wait for the removal by now
			}
			close(g.open)
			if err := <-removed; err != nil {
				t.Fatal(err)
			}
			select {
			case err := <-done:
				if !errdefs.IsNotFound(err) && !errdefs.IsConflict(err) && !errdefs.IsInternal(err) {
					t.Errorf("it gives %v", err)
				}
			case <-time.After(time.Minute):
				t.Fatal("it does not end")
			}
			for _, name := range []string{"going", "kept"} {
				r.create(name, nil)
				if err := r.Remove(t.Context(), name, engine.RemoveOptions{}); err != nil {
					t.Error(err)
				}
			}
			r.shut()
			r.open(nil)
			left, err := r.List(t.Context(), engine.ListOptions{All: true})
			if err != nil || len(left) != 0 {
				t.Errorf("a later daemon has %v %v", left, err)
			}
		})
	}
}
