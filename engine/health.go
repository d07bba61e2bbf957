package engine

import (
	"cmp"
	"context"
	"slices"
	"time"

	api "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"

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
