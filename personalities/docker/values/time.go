package values

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Instant converts a time to the Unix seconds with nanoseconds of the API. It accepts a duration before now, a date
// with or without time and zone, or Unix seconds.
func Instant(text string, now time.Time) (string, error) {
	if text == "" {
		return "", nil
	}
	// "0" is a time here, as in Docker, although ParseDuration accepts it.
	if d, err := time.ParseDuration(text); err == nil && text != "0" {
		return epoch(now.Add(-d)), nil
	}
	if seconds, fraction, _ := strings.Cut(text, "."); IsDigits(seconds) && (fraction == "" || IsDigits(fraction)) {
		return text, nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04",
		"2006-01-02T15", "2006-01-02",
		"2006-01-02T15:04Z07:00", "2006-01-02T15Z07:00", "2006-01-02Z07:00"} {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return epoch(t), nil
		}
	}
	return "", fmt.Errorf("failed to parse value as time or duration: %q", text)
}

// IsDigits tells whether a text is a decimal number.
func IsDigits(s string) bool {
	_, err := strconv.ParseUint(s, 10, 63)
	return err == nil
}

func epoch(t time.Time) string { return fmt.Sprintf("%d.%09d", t.Unix(), t.Nanosecond()) }
