package engine

import (
	"cmp"
	"context"
	"slices"
	"time"

	api "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
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
func (e *Engine) watchHealth(c *container) {
	config := c.snapshot().Config
	argv := checkCommand(config)
	if argv == nil {
		return
	}
	ctx, cancel := context.WithCancel(e.stopped)
	c.mu.Lock()
	if c.checks != nil {
		c.checks()
	}
	c.checks = cancel
	c.mu.Unlock()
	e.background(func() {
		defer cancel()
		e.checkHealth(ctx, c, config.Healthcheck, argv)
	})
}

// unwatchHealth ends the checks of a container that does not run any more, or is frozen. It counts as unhealthy, as in Docker.
func (e *Engine) unwatchHealth(c *container) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.checks == nil {
		return
	}
	c.checks()
	c.checks = nil
	if c.st.Health != nil {
		h := *c.st.Health
		h.Status = api.Unhealthy
		c.st.Health = &h
	}
}

// checkHealth checks a container again and again until ctx ends.
func (e *Engine) checkHealth(ctx context.Context, c *container, config *api.HealthConfig, argv []string) {
	for {
		st, _ := c.now()
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

// takeHealth notes a result. Only a change of the status is written to the disk: checks must not wear it.
func (e *Engine) takeHealth(ctx context.Context, c *container, r *api.HealthcheckResult, config *api.HealthConfig) {
	c.mu.Lock()
	if ctx.Err() != nil || c.st.Health == nil {
		c.mu.Unlock()
		return
	}
	before := c.st.Health.Status
	c.st.Health = judged(c.st.Health, r, config, c.st.Started)
	after := c.st.Health.Status
	if after != before {
		e.touched(c)
	}
	c.mu.Unlock()
	if after != before {
		e.publish(ctx, c, events.Action(string(events.ActionHealthStatus)+": "+string(after)))
	}
}

// resumeHealth begins to check the containers that ran before the daemon did.
func (e *Engine) resumeHealth() {
	for _, c := range e.all() {
		if st, _ := c.now(); st.State != api.StateRunning || c.damaged != "" {
			continue
		}
		c.mu.Lock()
		c.st.Health = freshHealth(c.rec.Config, c.st.Health)
		c.mu.Unlock()
		e.watchHealth(c)
	}
}

// healthText is a container's health as filters name it.
func healthText(st *status) api.HealthStatus {
	if st.Health == nil {
		return api.NoHealthcheck
	}
	return st.Health.Status
}
