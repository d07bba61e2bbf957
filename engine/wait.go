package engine

import (
	"context"

	api "github.com/moby/moby/api/types/container"

	"box/engine/lifecycle"
)

// Wait says when a container has ended in the way that condition means: found is called once the container is known, so
// that the caller can answer that it waits, and what happens after is not missed. The exit code is that of
// the end that was waited for.
func (e *Engine) Wait(ctx context.Context, ref string, condition api.WaitCondition, found func()) (api.WaitResponse, error) {
	c, err := e.container(ref)
	if err != nil {
		return api.WaitResponse{}, err
	}
	end := c.End()
	found()
	for {
		st, changed := c.Now()
		gone := c.Gone()
		resting := !st.Running() && st.State != api.StateRestarting
		switch {
		case condition == api.WaitConditionRemoved:
			if gone {
				return api.WaitResponse{StatusCode: int64(st.ExitCode)}, nil // a start that failed has said why
			}
		case end.Over(): // also when the restart policy makes a new start of it
			return api.WaitResponse{StatusCode: int64(end.Code())}, nil
		case gone, resting && condition != api.WaitConditionNextExit:
			return waitResponse(&st), nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return api.WaitResponse{}, ctx.Err()
		}
	}
}

func waitResponse(st *lifecycle.Status) api.WaitResponse {
	r := api.WaitResponse{StatusCode: int64(st.ExitCode)}
	if st.Error != "" {
		r.Error = &api.WaitExitError{Message: st.Error}
	}
	return r
}
