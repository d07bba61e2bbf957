package filter

import (
	"strconv"
	"strings"
	"time"

	"box/engine/refuse"
)

// layouts are the accepted forms of date and time.
var layouts = []string{
	time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04Z07:00", "2006-01-02T15:04", "2006-01-02T15Z07:00",
	"2006-01-02T15",
	"2006-01-02Z07:00", "2006-01-02",
}

// Time parses a time in a filter: a duration before now, a date and time (local unless it has a zone), or seconds since
// 1970.
func Time(text string, now time.Time) (time.Time, error) {
	if d, err := time.ParseDuration(text); err == nil && text != "0" {
		return now.Add(-d), nil
	}
	for _, l := range layouts {
		if t, err := time.ParseInLocation(l, text, time.Local); err == nil {
			return t, nil
		}
	}
	seconds, fraction, _ := strings.Cut(text, ".")
	s, err := strconv.ParseInt(seconds, 10, 64)
	n, nerr := strconv.ParseInt((fraction + "000000000")[:9], 10, 64)
	if err != nil || nerr != nil || len(fraction) > 9 {
		return time.Time{}, refuse.Invalid("failed to parse value as time or duration: %q", text)
	}
	return time.Unix(s, n), nil
}

// Until returns the time of the filter until, or zero.
func (f Args) Until(now time.Time) (time.Time, error) {
	switch len(f["until"]) {
	case 0:
		return time.Time{}, nil
	case 1:
		return Time(f["until"][0], now)
	}
	return time.Time{}, refuse.Invalid("more than one until filter specified")
}
