package certs

import (
	"fmt"
	"runtime/debug"
	"time"
)

// written is a date before this version was written.
func written() time.Time { return time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC) }

// built returns when this file was built or, if that is not known, a date before.
func built() time.Time {
	floor := written()
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return floor
	}
	for _, s := range info.Settings {
		if t, err := time.Parse(time.RFC3339, s.Value); s.Key == "vcs.time" && err == nil && t.After(floor) {
			return t
		}
	}
	return floor
}

// ClockFault returns an error if the clock is wrong: if it shows a time before this file was built. Certificates appear
// to be not yet valid then.
func ClockFault(now time.Time) error {
	// allow a day, since the clocks of builders may be in other zones
	if b := built(); now.Before(b.Add(-24 * time.Hour)) {
		return fmt.Errorf("the clock of this machine is wrong: it says %s, and this file was built after %s: set the clock "+
			"(date -s) before anything else",
			day(now), b.UTC().Format("2006-01-02"))
	}
	return nil
}
