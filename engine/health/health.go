// Package health has the rules of health checks: when they run, and what their results mean. It has no side effects;
// the engine runs the checks.
package health

import (
	"cmp"
	"slices"
	"time"

	api "github.com/moby/moby/api/types/container"
)

// Defaults of health checks.
const (
	interval      = 30 * time.Second
	timeout       = 30 * time.Second
	startInterval = 5 * time.Second // within the start period
	retries       = 3
)

// kept is how many results inspect shows.
const kept = 5

// Command returns the command of a container's health check, or nil.
func Command(c *api.Config) []string {
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

// Fresh returns the health of a container that was just started. Results of earlier runs stay in the list.
func Fresh(c *api.Config, before *api.Health) *api.Health {
	if Command(c) == nil {
		return nil
	}
	h := &api.Health{Status: api.Starting}
	if before != nil {
		h.Log = before.Log
	}
	return h
}

// Judge returns the health after one more result, by Docker's rules: a success means healthy at once; as many
// consecutive failures as there are retries mean unhealthy; and failures in the start period of a container that has
// not been healthy yet do not count.
func Judge(h *api.Health, r *api.HealthcheckResult, c *api.HealthConfig, started time.Time) *api.Health {
	next := &api.Health{Status: h.Status, FailingStreak: h.FailingStreak}
	next.Log = append(slices.Clone(h.Log[max(0, len(h.Log)+1-kept):]), r)
	switch {
	case r.ExitCode == 0:
		next.Status, next.FailingStreak = api.Healthy, 0
	case h.Status == api.Starting && r.Start.Sub(started) < c.StartPeriod:
	default:
		next.FailingStreak++
		if next.FailingStreak >= cmp.Or(max(c.Retries, 0), retries) {
			next.Status = api.Unhealthy
		}
	}
	return next
}

// Pause returns how long to wait before the next check.
func Pause(h *api.Health, c *api.HealthConfig, ran time.Duration) time.Duration {
	if h != nil && h.Status == api.Starting && ran < c.StartPeriod {
		return cmp.Or(c.StartInterval, startInterval)
	}
	return cmp.Or(c.Interval, interval)
}

// Timeout returns how long a check may take.
func Timeout(c *api.HealthConfig) time.Duration { return cmp.Or(c.Timeout, timeout) }
