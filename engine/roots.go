package engine

import (
	"context"
	"fmt"
	"sync"

	"box/engine/lifecycle"
	"box/fs/mount"
)

// roots counts who uses the mounted root of each container: its program, and requests that read or write its files. There is one
// mount a container however many they are, since two of one upper folder would spoil it.
type roots struct {
	mu   sync.Mutex
	held map[string]*heldRoot
}

type heldRoot struct {
	mu    sync.Mutex // held over mount and unmount
	users int
	gone  bool // taken out of the map: look again
}

// of gives the entry of a container, locked.
func (r *roots) of(id string) *heldRoot {
	for {
		r.mu.Lock()
		h := r.held[id]
		if h == nil {
			if r.held == nil {
				r.held = map[string]*heldRoot{}
			}
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
func (r *roots) release(id string, h *heldRoot) {
	if h.users == 0 {
		h.gone = true
		r.mu.Lock()
		delete(r.held, id)
		r.mu.Unlock()
	}
	h.mu.Unlock()
}

// mountRoot makes the container's root visible where its driver's users know it, until unmountRoot was called as often.
func (e *Engine) mountRoot(ctx context.Context, id string) (string, error) {
	h := e.roots.of(id)
	defer func() { e.roots.release(id, h) }()
	root, mounts, err := e.layers.Mounts(ctx, id)
	if err != nil {
		return "", err
	}
	if h.users == 0 && len(mounts) > 0 {
		// What a daemon left that was cut off must not be mounted over.
		if err := mount.Unmount(root); err != nil {
			return "", err
		}
		if err := mount.All(mounts); err != nil {
			return "", fmt.Errorf("mount root of container %s: %w", short(id), err)
		}
	}
	h.users++
	return root, nil
}

// mountRoots is mountRoot for a container and the images that it mounts, all or none.
func (e *Engine) mountRoots(ctx context.Context, rec *lifecycle.Record) (string, error) {
	root, err := e.mountRoot(ctx, rec.ID)
	if err != nil {
		return "", err
	}
	for i, m := range rec.Mounts {
		if m.Layer == "" {
			continue
		}
		if _, err := e.mountRoot(ctx, m.Layer); err != nil {
			for _, done := range rec.Mounts[:i] {
				if done.Layer != "" {
					e.unmountRoot(done.Layer)
				}
			}
			e.unmountRoot(rec.ID)
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

func (e *Engine) unmountRoots(rec *lifecycle.Record) { ofRoots(rec, e.unmountRoot) }
func (e *Engine) keepRoots(rec *lifecycle.Record)    { ofRoots(rec, e.keepRoot) }
func (e *Engine) dropRoots(rec *lifecycle.Record)    { ofRoots(rec, e.dropRoot) }

// keepRoot counts the program of a container that an earlier daemon started.
func (e *Engine) keepRoot(id string) {
	h := e.roots.of(id)
	h.users++
	e.roots.release(id, h)
}

// unmountRoot ends one use of a container's root.
func (e *Engine) unmountRoot(id string) {
	h := e.roots.of(id)
	defer func() { e.roots.release(id, h) }()
	if h.users > 0 {
		h.users--
	}
	if h.users == 0 {
		e.unmount(id)
	}
}

// dropRoot unmounts the root of a container that goes, whoever uses it.
func (e *Engine) dropRoot(id string) {
	h := e.roots.of(id)
	defer func() { e.roots.release(id, h) }()
	h.users = 0
	e.unmount(id)
}

func (e *Engine) unmount(id string) {
	root, mounts, err := e.layers.Mounts(context.Background(), id)
	if err != nil || len(mounts) == 0 {
		return
	}
	if err := mount.Unmount(root); err != nil {
		e.log.Warn("unmount root", "container", short(id), "error", err)
	}
}
