package engine

import (
	"context"
	"fmt"
	"io"
	"time"

	api "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
	"golang.org/x/sys/unix"

	"box/engine/health"
	"box/engine/lifecycle"
)

// watchHealth starts the health checks of a running container.
func (e *Engine) watchHealth(c *lifecycle.Container) {
	config := c.Record().Config
	argv := health.Command(config)
	if argv == nil {
		return
	}
	ctx, cancel := context.WithCancel(e.stopped)
	c.Check(cancel)
	e.background(func() {
		defer cancel()
		e.checkHealth(ctx, c, config.Healthcheck, argv)
	})
}

// checkHealth checks a container repeatedly until ctx ends.
func (e *Engine) checkHealth(ctx context.Context, c *lifecycle.Container, config *api.HealthConfig, argv []string) {
	for {
		st, _ := c.Now()
		select {
		case <-ctx.Done():
			return
		case <-time.After(health.Pause(st.Health, config, time.Since(st.Started))):
		}
		r := e.check(ctx, c, argv, health.Timeout(config))
		if ctx.Err() != nil {
			return
		}
		e.actions.Checks.Add(1)
		if r.ExitCode != 0 {
			e.actions.ChecksFailed.Add(1)
		}
		e.takeHealth(ctx, c, &r, config)
	}
}

// takeHealth records a result, and publishes a change of the health.
func (e *Engine) takeHealth(ctx context.Context, c *lifecycle.Container, r *api.HealthcheckResult,
	config *api.HealthConfig) {
	health, changed := c.Judge(ctx,
		func(s *lifecycle.Status) *api.Health { return health.Judge(s.Health, r, config, s.Started) })
	if changed {
		e.publish(ctx, c, events.Action(string(events.ActionHealthStatus)+": "+string(health)))
	}
}

// resumeHealth starts the health checks of containers that an earlier daemon left running.
func (e *Engine) resumeHealth() {
	for _, c := range e.all() {
		if st, _ := c.Now(); st.State != api.StateRunning || c.Damaged() != "" {
			continue
		}
		config := c.Record().Config
		c.Note(func(s *lifecycle.Status) { s.Health = health.Fresh(config, s.Health) })
		e.watchHealth(c)
	}
}

// maxCheckOutput is how many bytes of a check's output are kept.
const maxCheckOutput = 4096

// checkKillWait is how long to wait for the end of a killed check.
const checkKillWait = 5 * time.Second

// check runs a container's health check once.
func (e *Engine) check(ctx context.Context, c *lifecycle.Container, argv []string,
	timeout time.Duration) api.HealthcheckResult {
	r := api.HealthcheckResult{Start: e.o.Now()}
	out := health.NewOutput(maxCheckOutput)
	code, err := e.runCheck(ctx, c, argv, timeout, out)
	r.End, r.ExitCode, r.Output = e.o.Now(), code, out.String()
	if err != nil {
		r.ExitCode, r.Output = -1, e.Explain(err).Error()
	}
	return r
}

func (e *Engine) runCheck(ctx context.Context, c *lifecycle.Container, argv []string, timeout time.Duration,
	out *health.Output) (code int, err error) {
	x, err := e.newExec(ctx, c, api.ExecCreateRequest{AttachStdout: true, AttachStderr: true, Cmd: argv})
	if err != nil {
		return 0, err
	}
	x.raw = true
	defer e.dropExec(x)
	a, err := e.ExecStart(ctx, x.id, api.ExecStartRequest{}, nil)
	if err != nil {
		return 0, err
	}
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		_, _ = io.Copy(out, a.Stream.Near)
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

// settled waits a moment for output that is still in the pipes of a program that has ended.
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
