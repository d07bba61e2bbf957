package lifecycle

import (
	"time"

	api "github.com/moby/moby/api/types/container"
)

// Back-off of the restart policy: it doubles with each restart up to the longest, and begins anew after a run that
// lasted long enough.
const (
	firstBackoff   = 100 * time.Millisecond
	longestBackoff = time.Minute
	goodRun        = 10 * time.Second
)

// Again is what a restart policy says to the end of a run that was as st says until then: whether it starts again,
// and after how long.
func Again(p api.RestartPolicy, st *Status, code int, at time.Time) (again bool, delay time.Duration) {
	switch {
	case st.NoRestart:
		return false, 0
	case p.IsAlways(), p.IsUnlessStopped() && !st.ByHand, p.IsOnFailure() && code != 0 && triesLeft(p, st):
		return true, nextBackoff(st.Backoff, at.Sub(st.Started))
	}
	return false, 0
}

// AtBoot is what a restart policy says of a container that does not run when the daemon starts.
func AtBoot(p api.RestartPolicy, st *Status) bool {
	return p.IsAlways() || p.IsUnlessStopped() && !st.ByHand ||
		p.IsOnFailure() && !st.ByHand && st.ExitCode != 0 && triesLeft(p, st)
}

func triesLeft(p api.RestartPolicy, st *Status) bool {
	return p.MaximumRetryCount == 0 || st.Restarts < p.MaximumRetryCount
}

// nextBackoff is how long to wait before the next restart, after a wait of last and a run of ran.
func nextBackoff(last, ran time.Duration) time.Duration {
	if last == 0 || ran >= goodRun {
		return firstBackoff
	}
	return min(2*last, longestBackoff)
}
