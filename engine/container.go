package engine

import (
	"path/filepath"

	"box/engine/lifecycle"
)

// newContainer is a container whose status the engine saves.
func (e *Engine) newContainer(rec lifecycle.Record, st lifecycle.Status) *lifecycle.Container {
	return lifecycle.New(rec, st, e.saver.Save)
}

// dir is the container's folder in the data root.
func (e *Engine) dir(id string) string { return filepath.Join(e.o.Root, "containers", id) }
