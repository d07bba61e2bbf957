package rules

import (
	"math"
	"slices"
	"time"

	"box/engine/stats/sample"
)

// Used is what a file system held at a moment.
type Used struct {
	At    time.Time
	Bytes float64
}

// windows are the times over which growth is looked at. What grows for so long is taken to go on for reach times that:
// what fills a disk in an hour is found in minutes, what takes a day has to be seen for longer.
var windows = []time.Duration{10 * time.Minute, 30 * time.Minute, 2 * time.Hour, 8 * time.Hour, 24 * time.Hour}

const reach = 16

// TimeToFull tells in what time a file system is full if it goes on to grow as it did: by a line through what it held,
// in the order of time. What grew once and then no more does not grow. It is false where no end is in sight.
func TimeToFull(f *sample.FileSystem, past []Used) (left time.Duration, ok bool) {
	if len(past) == 0 {
		return until(f, f.Growth, windows[0]) // of the last minutes
	}
	for _, w := range windows {
		end := past[len(past)-1].At
		from, _ := slices.BinarySearchFunc(past, end.Add(-w), func(u Used, at time.Time) int { return u.At.Compare(at) })
		part := past[from:]
		if len(part) < 6 || end.Sub(part[0].At) < w*8/10 {
			continue
		}
		half := len(part) / 2
		if highest(part[:half]) >= part[len(part)-1].Bytes {
			continue // it goes up and down
		}
		growth := min(slope(part), slope(part[:half]), slope(part[half:]))
		if l, found := until(f, growth, w); found && (!ok || l < left) {
			left, ok = l, true
		}
	}
	return left, ok
}

// until is when a growth that was seen for a while fills a file system.
func until(f *sample.FileSystem, growth float64, seen time.Duration) (time.Duration, bool) {
	left := float64(f.Available) / growth
	if growth <= 0 || math.IsNaN(left) || left > (reach*seen).Seconds() {
		return 0, false
	}
	return time.Duration(left * float64(time.Second)), true
}

func highest(points []Used) (most float64) {
	for _, p := range points {
		most = max(most, p.Bytes)
	}
	return most
}

// slope is that of the line that fits best, in bytes a second.
func slope(points []Used) float64 {
	var at, v, up, down float64
	first := points[0].At
	for _, p := range points {
		at, v = at+p.At.Sub(first).Seconds(), v+p.Bytes
	}
	n := float64(len(points))
	at, v = at/n, v/n
	for _, p := range points {
		x := p.At.Sub(first).Seconds() - at
		up, down = up+x*(p.Bytes-v), down+x*x
	}
	return up / down
}

// FromHistory makes it of the column disk of a host's history.
func FromHistory(h sample.History) (past []Used) {
	column := slices.Index(h.Columns, "disk")
	if column < 0 || column >= len(h.Values) {
		return nil
	}
	for n, v := range h.Values[column] {
		if v != nil {
			past = append(past, Used{h.At.Add(time.Duration(float64(n) * h.Step * float64(time.Second))), *v})
		}
	}
	return past
}

// maxUsed is how many moments are remembered of a disk.
const maxUsed = 360

// remember adds what a file system holds now, at most once a minute. Older ones get fewer, and go after a day.
func remember(past []Used, now Used) []Used {
	n := len(past)
	switch {
	case n > 0 && now.At.Before(past[n-1].At):
		past = nil // the clock went back
	case n > 0 && now.At.Sub(past[n-1].At) < time.Minute:
		return past
	}
	var kept []Used
	for i, p := range past {
		old := i < n-maxUsed/2
		if now.At.Sub(p.At) <= 25*time.Hour && (n < maxUsed || !old || i%2 == 0) {
			kept = append(kept, p)
		}
	}
	return append(kept, now)
}
