package request

import (
	"time"

	api "github.com/moby/moby/api/types/container"

	"box/engine/refuse"
)

// checkHealth refuses times that are too short.
func checkHealth(h *api.HealthConfig) error {
	if h == nil {
		return nil
	}
	const least = time.Millisecond
	for _, d := range []struct {
		name  string
		value time.Duration
	}{{"Interval", h.Interval}, {"Timeout", h.Timeout}, {"StartPeriod", h.StartPeriod},
		{"StartInterval", h.StartInterval}} {
		if d.value != 0 && d.value < least {
			return refuse.Invalid("%s in Healthcheck cannot be less than %s", d.name, least)
		}
	}
	if h.Retries < 0 {
		return refuse.Invalid("Retries in Healthcheck cannot be negative")
	}
	return nil
}

// FillHealth returns h with what it leaves open set from another. Either may be nil.
func FillHealth(h, from *api.HealthConfig) *api.HealthConfig {
	if h == nil || from == nil {
		if h == nil {
			return from
		}
		return h
	}
	all := *h
	if len(all.Test) == 0 {
		all.Test = from.Test
	}
	if all.Interval == 0 {
		all.Interval = from.Interval
	}
	if all.Timeout == 0 {
		all.Timeout = from.Timeout
	}
	if all.StartPeriod == 0 {
		all.StartPeriod = from.StartPeriod
	}
	if all.StartInterval == 0 {
		all.StartInterval = from.StartInterval
	}
	if all.Retries == 0 {
		all.Retries = from.Retries
	}
	return &all
}
