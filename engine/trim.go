package engine

import "runtime/debug"

// trim gives the memory that moving an image took back to the system, beside what is done next: a daemon is idle most of its life.
func (e *Engine) trim() {
	e.background(debug.FreeOSMemory)
}
