package collect

import "time"

// restarts remembers when a container was restarted by its policy.
type restarts struct {
	before int // as counted the last time
	times  []time.Time
}

// kept bounds the remembered restarts of a container: one that restarts more often than each minute is in trouble
// whatever the number.
const kept = 100

// hour returns how many restarts there were in the last hour. A count that is lower than before began anew, when the
// container was started by hand.
func (r *restarts) hour(now time.Time, count int) int {
	more := count - r.before
	if more < 0 {
		more = count
	}
	r.before = count
	for range min(more, kept) {
		r.times = append(r.times, now)
	}
	for len(r.times) > 0 && (now.Sub(r.times[0]) > time.Hour || len(r.times) > kept) {
		r.times = r.times[1:]
	}
	return len(r.times)
}
