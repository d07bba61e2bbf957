package engine

import (
	"context"
	"fmt"
	"io"
	"time"

	api "github.com/moby/moby/api/types/container"
	"golang.org/x/sys/unix"

	"box/engine/lifecycle"
)

// maxCheckOutput is what is kept of a check's output in bytes.
const maxCheckOutput = 4096

// checkKillWait is how long the end of a check that was killed is waited for.
const checkKillWait = 5 * time.Second

// check runs a container's health check once.
func (e *Engine) check(ctx context.Context, c *lifecycle.Container, argv []string, timeout time.Duration) api.HealthcheckResult {
	r := api.HealthcheckResult{Start: e.o.Now()}
	out := &head{limit: maxCheckOutput}
	code, err := e.runCheck(ctx, c, argv, timeout, out)
	r.End, r.ExitCode, r.Output = e.o.Now(), code, out.String()
	if err != nil {
		r.ExitCode, r.Output = -1, e.Explain(err).Error()
	}
	return r
}

func (e *Engine) runCheck(ctx context.Context, c *lifecycle.Container, argv []string, timeout time.Duration, out *head) (code int, err error) {
	x := e.newExec(ctx, c, api.ExecCreateRequest{AttachStdout: true, AttachStderr: true, Cmd: argv})
	x.raw = true
	defer e.dropExec(x)
	a, err := e.ExecStart(ctx, x.id, api.ExecStartRequest{}, nil)
	if err != nil {
		return 0, err
	}
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		_, _ = io.Copy(out, a.stream.Near)
	}()
	defer func() {
		a.Close()
		<-copied
	}()
	limit := time.NewTimer(timeout)
	defer limit.Stop()
	select {
	case <-x.changed:
		settled(copied)
		x.mu.Lock()
		defer x.mu.Unlock()
		return *x.code, nil
	case <-limit.C:
		e.killCheck(c, x)
		if text := out.String(); text != "" {
			return 0, fmt.Errorf("Health check exceeded timeout (%v): %s", timeout, text)
		}
		return 0, fmt.Errorf("Health check exceeded timeout (%v)", timeout)
	case <-ctx.Done():
		e.killCheck(c, x)
		return 0, ctx.Err()
	}
}

// settled waits a moment for output that a program that has ended left in its pipes.
func settled(copied <-chan struct{}) {
	select {
	case <-copied:
	case <-time.After(settleWait):
	}
}

func (e *Engine) killCheck(c *lifecycle.Container, x *execution) {
	ctx, cancel := context.WithTimeout(context.Background(), checkKillWait)
	defer cancel()
	_ = e.o.Tasks.Task(c.ID()).Signal(ctx, x.id, unix.SIGKILL, false)
	select {
	case <-x.changed:
	case <-ctx.Done():
	}
}
