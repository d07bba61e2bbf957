package engine

import (
	"context"

	api "github.com/moby/moby/api/types/container"
)

// Wait says when a container has ended in the way that condition means: found is called once the container is known, so
// that the caller can answer that it waits, and what happens after is not missed. The exit code is that of
// the end that was waited for.
func (e *Engine) Wait(ctx context.Context, ref string, condition api.WaitCondition, found func()) (api.WaitResponse, error) {
	c, err := e.container(ref)
	if err != nil {
		return api.WaitResponse{}, err
	}
	c.mu.Lock()
	ends := c.exited
	c.mu.Unlock()
	found()
	for {
		c.mu.Lock()
		st, changed, gone, exited := c.st, c.changed, c.gone, c.exited
		c.mu.Unlock()
		over := gone
		switch condition {
		case api.WaitConditionNextExit:
			over = over || exited > ends
		case api.WaitConditionRemoved:
		default:
			over = over || !st.running() && st.State != api.StateRestarting
		}
		if over {
			r := waitResponse(&st)
			if condition == api.WaitConditionRemoved {
				r.Error = nil // the start, which failed, has said it
			}
			return r, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return api.WaitResponse{}, ctx.Err()
		}
	}
}

func waitResponse(st *status) api.WaitResponse {
	r := api.WaitResponse{StatusCode: int64(st.ExitCode)}
	if st.Error != "" {
		r.Error = &api.WaitExitError{Message: st.Error}
	}
	return r
}
