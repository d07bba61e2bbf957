package engine

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	api "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
	"golang.org/x/sys/unix"

	"box/engine/lifecycle"
)

// What a health check has where neither the image nor the user says.
const (
	checkInterval      = 30 * time.Second
	checkTimeout       = 30 * time.Second
	checkStartInterval = 5 * time.Second // within the start period
	checkRetries       = 3
)

// keptChecks is how many results inspect shows.
const keptChecks = 5

// checkCommand is the program that tells a container's health, nil for none.
func checkCommand(c *api.Config) []string {
	if c.Healthcheck == nil || len(c.Healthcheck.Test) < 2 {
		return nil
	}
	kind, rest := c.Healthcheck.Test[0], c.Healthcheck.Test[1:]
	switch kind {
	case "CMD":
		return rest
	case "CMD-SHELL":
		if len(c.Shell) > 0 {
			return slices.Concat([]string(c.Shell), rest)
		}
		return append([]string{"/bin/sh", "-c"}, rest...)
	}
	return nil
}

// freshHealth is the health of a container that was just started; results of earlier runs stay in the list.
func freshHealth(c *api.Config, before *api.Health) *api.Health {
	if checkCommand(c) == nil {
		return nil
	}
	h := &api.Health{Status: api.Starting}
	if before != nil {
		h.Log = before.Log
	}
	return h
}

// judged is the health after one more result, by Docker's rules: a success is healthy at once, as many failures in a row as there are
// retries unhealthy, and failures within the start period of a container that was never healthy do not count.
func judged(h *api.Health, r *api.HealthcheckResult, c *api.HealthConfig, started time.Time) *api.Health {
	next := &api.Health{Status: h.Status, FailingStreak: h.FailingStreak}
	next.Log = append(slices.Clone(h.Log[max(0, len(h.Log)+1-keptChecks):]), r)
	switch {
	case r.ExitCode == 0:
		next.Status, next.FailingStreak = api.Healthy, 0
	case h.Status == api.Starting && r.Start.Sub(started) < c.StartPeriod:
	default:
		next.FailingStreak++
		if next.FailingStreak >= cmp.Or(max(c.Retries, 0), checkRetries) {
			next.Status = api.Unhealthy
		}
	}
	return next
}

// pauseBetween is how long to wait before the next check.
func pauseBetween(h *api.Health, c *api.HealthConfig, ran time.Duration) time.Duration {
	if h != nil && h.Status == api.Starting && ran < c.StartPeriod {
		return cmp.Or(c.StartInterval, checkStartInterval)
	}
	return cmp.Or(c.Interval, checkInterval)
}

// watchHealth begins to check a container that runs.
func (e *Engine) watchHealth(c *lifecycle.Container) {
	config := c.Record().Config
	argv := checkCommand(config)
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

// checkHealth checks a container again and again until ctx ends.
func (e *Engine) checkHealth(ctx context.Context, c *lifecycle.Container, config *api.HealthConfig, argv []string) {
	for {
		st, _ := c.Now()
		select {
		case <-ctx.Done():
			return
		case <-time.After(pauseBetween(st.Health, config, time.Since(st.Started))):
		}
		r := e.check(ctx, c, argv, cmp.Or(config.Timeout, checkTimeout))
		if ctx.Err() != nil {
			return
		}
		e.takeHealth(ctx, c, &r, config)
	}
}

// takeHealth notes a result, and tells when the health is another now.
func (e *Engine) takeHealth(ctx context.Context, c *lifecycle.Container, r *api.HealthcheckResult, config *api.HealthConfig) {
	health, changed := c.Judge(ctx, func(s *lifecycle.Status) *api.Health { return judged(s.Health, r, config, s.Started) })
	if changed {
		e.publish(ctx, c, events.Action(string(events.ActionHealthStatus)+": "+string(health)))
	}
}

// resumeHealth begins to check the containers that ran before the daemon did.
func (e *Engine) resumeHealth() {
	for _, c := range e.all() {
		if st, _ := c.Now(); st.State != api.StateRunning || c.Damaged() != "" {
			continue
		}
		config := c.Record().Config
		c.Note(func(s *lifecycle.Status) { s.Health = freshHealth(config, s.Health) })
		e.watchHealth(c)
	}
}

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

// head keeps the beginning of what is written to it, and takes the rest without keeping it. It may be read while it is written.
type head struct {
	limit int

	mu  sync.Mutex
	b   []byte
	cut bool
}

// Write implements io.Writer; it never fails.
func (h *head) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := min(len(p), h.limit-len(h.b))
	h.b = append(h.b, p[:n]...)
	h.cut = h.cut || n < len(p)
	return len(p), nil
}

// String is what was kept, with dots after it when that is not all.
func (h *head) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.cut {
		return string(h.b) + "..."
	}
	return string(h.b)
}
