package history

import (
	"testing"
	"time"
)

// measure appends rows of ten seconds.
func measure(s *Store, from time.Time, rows int, v float64) (end time.Time) {
	for range rows {
		from = from.Add(10 * time.Second)
		add(s, "c", from, row(v))
	}
	return from
}

// seen counts the rows of ten seconds between two moments that have a value.
func seen(s *Store, from, to time.Time, v float64) (n int) {
	h := s.Query("c", from, to, maxPoints)
	for i := range h.Values[0] {
		if near(cell(h, 0, i), v) {
			n += int(h.Step) / 10
		}
	}
	return n
}

// TestClock: whatever the clock does, what was measured is there, and what comes is.
func TestClock(t *testing.T) {
	hour := 360
	for name, c := range map[string]struct {
		clock time.Time // what it says after an hour of ones, when twos are measured for an hour
		after time.Time // what it says then, when threes are
		twos  time.Time // where twos are
	}{
		"goes on":           {day.Add(time.Hour), day.Add(2 * time.Hour), day.Add(time.Hour)},
		"not set":           {time.Unix(20, 0), day.Add(5 * time.Hour), day.Add(time.Hour)},
		"not set, for good": {time.Unix(20, 0), time.Unix(20, 0).Add(time.Hour), day.Add(time.Hour)},
		"a second back":     {day.Add(time.Hour - time.Second), day.Add(2 * time.Hour), day.Add(time.Hour)},
		"an hour back":      {day, day.Add(time.Hour), day},
		"a month back":      {day.AddDate(0, -1, 0), day.Add(3 * time.Hour), day.AddDate(0, -1, 0)},
		"a month ahead":     {day.AddDate(0, 1, 0), day.Add(time.Hour), day.AddDate(0, 1, 0)},
		"ten years ahead":   {day.AddDate(10, 0, 0), day.Add(time.Hour), day.AddDate(10, 0, 0)},
	} {
		for _, restart := range []bool{false, true} {
			dir := home(t)
			s := openTest(t, dir, Options{})
			again := func() {
				if restart {
					if err := s.Close(); err != nil {
						t.Fatal(err)
					}
					s = openTest(t, dir, Options{})
				}
			}
			check := func(what string, from time.Time, v float64) {
				t.Helper()
				from, to := from.Add(-time.Minute), from.Add(time.Hour+time.Minute)
				if got := seen(s, from, to, v); got < hour-2 {
					if name == "an hour back" && v < 3 { // two accounts of one hour
						v, got = 1.5, seen(s, from, to, 1.5)
					}
					if got < hour-2 {
						t.Errorf("%s, restart %v: %d of %d rows of %s", name, restart, got, hour, what)
					}
				}
			}
			measure(s, day, hour, 1)
			again()
			measure(s, c.clock, hour, 2)
			again()
			measure(s, c.after, hour, 3)
			again()
			check("ones", day, 1)
			check("twos", c.twos, 2)
			if threes := c.after; threes.After(day) {
				check("threes", threes, 3)
			} else {
				check("threes", day.Add(2*time.Hour), 3)
			}
		}
	}
}
