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
)

// Roots counts who uses the mounted root of each container: its program, and requests that read or write its files.
// There is one mount a container however many they are, since two of one upper folder would spoil it.
type Roots struct {
	layers fs.Driver
	log    *slog.Logger

	mu   sync.Mutex
	held map[string]*heldRoot
}

// New is for the layers of a driver. Nothing is mounted that is not asked for.
func New(layers fs.Driver, log *slog.Logger) *Roots {
	return &Roots{layers: layers, log: log, held: map[string]*heldRoot{}}
}

type heldRoot struct {
	mu    sync.Mutex // held over mount and unmount
	users int
	gone  bool // taken out of the map: look again
}

// of gives the entry of a container, locked.
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

// release gives an entry up that nobody uses; its lock is held, and is free afterwards.
func (r *Roots) release(id string, h *heldRoot) {
	if h.users == 0 {
		h.gone = true
		r.mu.Lock()
		delete(r.held, id)
		r.mu.Unlock()
	}
	h.mu.Unlock()
}

// Mount makes a layer visible where its driver's users know it, until Unmount was called as often, and gives the place.
func (r *Roots) Mount(ctx context.Context, layer string) (string, error) {
	h := r.of(layer)
	defer func() { r.release(layer, h) }()
	root, mounts, err := r.layers.Mounts(ctx, layer)
	if err != nil {
		return "", err
	}
	if h.users == 0 && len(mounts) > 0 {
		// What a daemon left that was cut off must not be mounted over.
		if err := mount.Unmount(root); err != nil {
			return "", err
		}
		if err := mount.All(mounts); err != nil {
			return "", fmt.Errorf("mount root of container %s: %w", ident.Short(layer), err)
		}
	}
	h.users++
	return root, nil
}

// MountAll is Mount for a container and the images that it mounts, all or none.
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

// ofRoots does something with the layer of a container and those of the images that it mounts.
func ofRoots(rec *lifecycle.Record, do func(layer string)) {
	do(rec.ID)
	for _, m := range rec.Mounts {
		if m.Layer != "" {
			do(m.Layer)
		}
	}
}

// UnmountAll is Unmount for a container and the images that it mounts.
func (r *Roots) UnmountAll(rec *lifecycle.Record) { ofRoots(rec, r.Unmount) }

// KeepAll is Keep for them.
func (r *Roots) KeepAll(rec *lifecycle.Record) { ofRoots(rec, r.Keep) }

// DropAll is Drop for them.
func (r *Roots) DropAll(rec *lifecycle.Record) { ofRoots(rec, r.Drop) }

// Keep counts the program of a container that an earlier daemon started.
func (r *Roots) Keep(id string) {
	h := r.of(id)
	h.users++
	r.release(id, h)
}

// Unmount ends one use of a container's root.
func (r *Roots) Unmount(id string) {
	h := r.of(id)
	defer func() { r.release(id, h) }()
	if h.users > 0 {
		h.users--
	}
	if h.users == 0 {
		r.unmount(id)
	}
}

// Drop unmounts the root of a container that goes, whoever uses it.
func (r *Roots) Drop(id string) {
	h := r.of(id)
	defer func() { r.release(id, h) }()
	h.users = 0
	r.unmount(id)
}

func (r *Roots) unmount(id string) {
	root, mounts, err := r.layers.Mounts(context.Background(), id)
	if err != nil || len(mounts) == 0 {
		return
	}
	if err := mount.Unmount(root); err != nil {
		r.log.Warn("unmount root", "container", ident.Short(id), "error", err)
	}
}
