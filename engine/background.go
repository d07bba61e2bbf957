package engine

import (
	"fmt"
	"runtime/debug"
	"time"

	"box/panics"
)

// background runs fn in a goroutine for which Close waits. A panic ends only this goroutine.
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

// later runs fn in the background after a delay, unless the engine has ended.
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

// trim returns memory to the system after an image was moved, in the background, since a daemon is mostly idle.
func (e *Engine) trim() {
	e.background(debug.FreeOSMemory)
}
