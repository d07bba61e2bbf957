package engine

import (
	"fmt"
	"runtime/debug"
	"time"

	"box/panics"
)

// background runs fn beside the requests; Close waits for it. A panic of it ends it alone.
func (e *Engine) background(fn func()) {
	e.work.Go(func() {
		defer func() {
			if v := recover(); v != nil {
				p := panics.Of(v)
				e.log.Error("panic in the background", "panic", fmt.Sprint(p.Value), "stack", string(p.Stack))
			}
		}()
		fn()
	})
}

// later runs fn in the background after a while, unless the engine has ended by then.
func (e *Engine) later(delay time.Duration, fn func()) *time.Timer {
	return time.AfterFunc(delay, func() {
		e.ending.Lock()
		defer e.ending.Unlock()
		if e.stopped.Err() == nil {
			e.background(fn)
		}
	})
}

// end stops the engine's own goroutines and waits for them.
func (e *Engine) end() {
	e.ending.Lock()
	e.stop()
	e.ending.Unlock()
	e.work.Wait()
}

// trim gives the memory that moving an image took back to the system, beside what is done next: a daemon is idle most
// of its life.
func (e *Engine) trim() {
	e.background(debug.FreeOSMemory)
}
