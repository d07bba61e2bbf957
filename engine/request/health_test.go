package request

import (
	"testing"
	"time"

	api "github.com/moby/moby/api/types/container"
)

func TestCheckHealth(t *testing.T) {
	if err := checkHealth(&api.HealthConfig{Interval: time.Microsecond}); err == nil ||
		err.Error() != "Interval in Healthcheck cannot be less than 1ms" {
		t.Error(err)
	}
	if err := checkHealth(&api.HealthConfig{Retries: -1}); err == nil ||
		err.Error() != "Retries in Healthcheck cannot be negative" {
		t.Error(err)
	}
}
