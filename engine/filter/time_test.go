package filter

import (
	"testing"
	"time"
)

func TestTime(t *testing.T) {
	now := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"10m":                  now.Add(-10 * time.Minute),
		"1h30m":                now.Add(-90 * time.Minute),
		"2024-05-01T10:00:00Z": time.Date(2024, 5, 1, 10, 0, 0, 0, time.UTC),
		"2024-05-01T10:00":     time.Date(2024, 5, 1, 10, 0, 0, 0, time.Local),
		"2024-05-01":           time.Date(2024, 5, 1, 0, 0, 0, 0, time.Local),
		"1714557600":           time.Unix(1714557600, 0),
		"1714557600.5":         time.Unix(1714557600, 500_000_000),
	} {
		if got, err := Time(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%s: %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "yesterday", "1.0000000001", "1.x", "--1"} {
		if got, err := Time(text, now); err == nil {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// TestUntil: one moment at most, and none is no error.
func TestUntil(t *testing.T) {
	now := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	if at, err := (Args{}).Until(now); err != nil || !at.IsZero() {
		t.Error(at, err)
	}
	if at, err := (Args{"until": {"1h"}}).Until(now); err != nil || !at.Equal(now.Add(-time.Hour)) {
		t.Error(at, err)
	}
	for _, bad := range [][]string{{"1h", "2h"}, {"soon"}} {
		if _, err := (Args{"until": bad}).Until(now); err == nil {
			t.Error(bad)
		}
	}
}
