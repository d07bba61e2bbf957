package engine

import (
	"fmt"

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
