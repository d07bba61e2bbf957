package rootfs

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"box/engine/ident"
	"box/engine/lifecycle"
	"box/fs"
	"box/fs/mount"
	"box/fs/tree"
)

// Roots counts the users of each container's root: its program, and requests that access its files. There is only one
// mount of each root, since two with one upper folder would corrupt it.
type Roots struct {
	layers fs.Driver
	log    *slog.Logger

	mu   sync.Mutex
	held map[string]*heldRoot

	counts tree.Counts // of layers, which nobody writes to who has not mounted them
}

// New makes Roots for the layers of a driver. It mounts nothing.
func New(layers fs.Driver, log *slog.Logger) *Roots {
	return &Roots{layers: layers, log: log, held: map[string]*heldRoot{}}
}

type heldRoot struct {
	mu    sync.Mutex // held over mount and unmount
	users int
	gone  bool // taken out of the map: look again
}

// of returns the locked entry of a container.
func (r *Roots) of(id string) *heldRoot {
	for {
		r.mu.Lock()
		h := r.held[id]
		if h == nil {
			h = &heldRoot{}
			r.held[id] = h
		}
		r.mu.Unlock()
		h.mu.Lock()
		if !h.gone {
			return h
		}
		h.mu.Unlock()
	}
}

// release removes an entry that has no users. Its lock is held, and released.
func (r *Roots) release(id string, h *heldRoot) {
	if h.users == 0 {
		h.gone = true
		r.mu.Lock()
		delete(r.held, id)
		r.mu.Unlock()
	}
	h.mu.Unlock()
}

// Mount mounts a layer where users of its driver expect it, until Unmount is called as often, and returns the path.
func (r *Roots) Mount(ctx context.Context, layer string) (string, error) {
	h := r.of(layer)
	defer func() { r.release(layer, h) }()
	root, mounts, err := r.layers.Mounts(ctx, layer)
	if err != nil {
		return "", err
	}
	if h.users == 0 && len(mounts) > 0 {
		// Unmount what a daemon that was killed left mounted.
		if err := mount.Undo(mounts); err != nil {
			return "", err
		}
		if err := mount.All(mounts); err != nil {
			return "", fmt.Errorf("mount root of container %s: %w", ident.Short(layer), err)
		}
	}
	h.users++
	r.counts.Begin(layer)
	return root, nil
}

// MountAll calls Mount for a container and the images that it mounts. It mounts all or none.
func (r *Roots) MountAll(ctx context.Context, rec *lifecycle.Record) (string, error) {
	root, err := r.Mount(ctx, rec.ID)
	if err != nil {
		return "", err
	}
	for i, m := range rec.Mounts {
		if m.Layer == "" {
			continue
		}
		if _, err := r.Mount(ctx, m.Layer); err != nil {
			for _, done := range rec.Mounts[:i] {
				if done.Layer != "" {
					r.Unmount(done.Layer)
				}
			}
			r.Unmount(rec.ID)
			return "", fmt.Errorf("image %s at %s: %w", m.Name, m.Destination, err)
		}
	}
	return root, nil
}

// ofRoots calls do for the layer of a container and those of the images that it mounts.
func ofRoots(rec *lifecycle.Record, do func(layer string)) {
	do(rec.ID)
	for _, m := range rec.Mounts {
		if m.Layer != "" {
			do(m.Layer)
		}
	}
}

// UnmountAll calls Unmount for a container and the images that it mounts.
func (r *Roots) UnmountAll(rec *lifecycle.Record) { ofRoots(rec, r.Unmount) }

// KeepAll calls Keep for them.
func (r *Roots) KeepAll(rec *lifecycle.Record) { ofRoots(rec, r.Keep) }

// DropAll calls Drop for them.
func (r *Roots) DropAll(rec *lifecycle.Record) { ofRoots(rec, r.Drop) }

// Keep counts the program of a container that an earlier daemon started.
func (r *Roots) Keep(id string) {
	h := r.of(id)
	h.users++
	r.counts.Begin(id)
	r.release(id, h)
}

// Unmount ends one use of a container's root.
func (r *Roots) Unmount(id string) {
	h := r.of(id)
	defer func() { r.release(id, h) }()
	used := h.users > 0
	if used {
		h.users--
	}
	if h.users == 0 {
		r.unmount(id)
	}
	if used {
		r.counts.End(id)
	}
}

// Drop unmounts the root of a container that is removed, whoever uses it.
func (r *Roots) Drop(id string) {
	h := r.of(id)
	defer func() { r.release(id, h) }()
	h.users = 0
	r.unmount(id)
	r.counts.Forget(id)
}

// Usage returns what the layer of a container takes. One that nobody has used since it was counted is not walked again
// for ten minutes.
func (r *Roots) Usage(ctx context.Context, layer string) (fs.Usage, error) {
	return r.counts.Of(layer, 0, func() (fs.Usage, error) { return r.layers.Usage(ctx, layer) })
}

func (r *Roots) unmount(id string) {
	_, mounts, err := r.layers.Mounts(context.Background(), id)
	if err != nil || len(mounts) == 0 {
		return
	}
	if err := undo(r.layers, id, mounts); err != nil {
		r.log.Warn("unmount root", "container", ident.Short(id), "error", err)
	}
}

// undo unmounts a layer and tells its driver.
func undo(d fs.Driver, layer string, mounts []mount.Mount) error {
	err := mount.Undo(mounts)
	if r, ok := d.(fs.Releaser); ok && err == nil {
		err = r.Release(context.Background(), layer)
	}
	return err
}
