package lifecycle

import (
	"time"

	api "github.com/moby/moby/api/types/container"
)

// Delays of the restart policy: they double with each restart up to a maximum, and start again after a run that was
// long enough.
const (
	firstBackoff   = 100 * time.Millisecond
	longestBackoff = time.Minute
	goodRun        = 10 * time.Second
)

// Again tells whether the restart policy restarts a container after a run that ended, and with which delay. st is the
// status until then.
func Again(p api.RestartPolicy, st *Status, code int, at time.Time) (again bool, delay time.Duration) {
	switch {
	case st.NoRestart:
		return false, 0
	case p.IsAlways(), p.IsUnlessStopped() && !st.ByHand, p.IsOnFailure() && code != 0 && triesLeft(p, st):
		return true, nextBackoff(st.Backoff, at.Sub(st.Started))
	}
	return false, 0
}

// AtBoot tells whether the restart policy starts a stopped container when the daemon starts.
func AtBoot(p api.RestartPolicy, st *Status) bool {
	return p.IsAlways() || p.IsUnlessStopped() && !st.ByHand ||
		p.IsOnFailure() && !st.ByHand && st.ExitCode != 0 && triesLeft(p, st)
}

func triesLeft(p api.RestartPolicy, st *Status) bool {
	return p.MaximumRetryCount == 0 || st.Restarts < p.MaximumRetryCount
}

// nextBackoff returns the delay before the next restart, after a delay of last and a run of ran.
func nextBackoff(last, ran time.Duration) time.Duration {
	if last == 0 || ran >= goodRun {
		return firstBackoff
	}
	return min(2*last, longestBackoff)
}
