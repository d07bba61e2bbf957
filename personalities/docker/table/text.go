package table

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/docker/go-units"
)

// LabelText formats labels as in a list.
func LabelText(labels map[string]string) string {
	var out []string
	for k, v := range labels {
		out = append(out, k+"="+v)
	}
	slices.Sort(out)
	return strings.Join(out, ",")
}

// CutID returns an ID in full or shortened.
func CutID(id string, whole bool) string {
	if whole {
		return id
	}
	return ShortID(id)
}

// Since formats how long ago t was.
func Since(t time.Time) string { return units.HumanDuration(time.Since(t)) + " ago" }

// SizeOf formats a size in powers of 1000 with four digits.
func SizeOf(n int64) string { return units.HumanSize(float64(n)) }

// ShortID returns the first twelve digits of an ID without "sha256:".
func ShortID(id string) string {
	if _, hex, ok := strings.Cut(id, ":"); ok {
		id = hex
	}
	if len(id) > 12 {
		id = id[:12]
	}
	return id
}

// undated matches a time that was not given: Unix time 0, or Go's zero time.
func undated(seconds int64) bool { return seconds == 0 || seconds == time.Time{}.Unix() }

// Moment formats Unix seconds as a date.
func Moment(seconds int64) string {
	if undated(seconds) {
		return "N/A"
	}
	return time.Unix(seconds, 0).String()
}

// Ago formats how long ago Unix seconds were.
func Ago(seconds int64) string {
	if undated(seconds) {
		return "N/A"
	}
	return units.HumanDuration(time.Since(time.Unix(seconds, 0))) + " ago"
}

// SizeText formats a size in powers of 1000 with three digits.
func SizeText(n int64) string { return units.HumanSizeWithPrecision(float64(n), 3) }

// Ellipsis shortens a text to a number of runes; the last one is an ellipsis then.
func Ellipsis(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	if most <= 1 {
		return string([]rune(s)[:most])
	}
	return string([]rune(s)[:most-1]) + "…"
}
