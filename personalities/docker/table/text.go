package table

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/docker/go-units"
)

// LabelText is labels as a listing shows them.
func LabelText(labels map[string]string) string {
	var out []string
	for k, v := range labels {
		out = append(out, k+"="+v)
	}
	slices.Sort(out)
	return strings.Join(out, ",")
}

// CutID is an ID as listings have it, or whole.
func CutID(id string, whole bool) string {
	if whole {
		return id
	}
	return ShortID(id)
}

// Since is how long a thing has been, for listings that get a time.
func Since(t time.Time) string { return units.HumanDuration(time.Since(t)) + " ago" }

// SizeOf is a size in powers of 1000, with four digits.
func SizeOf(n int64) string { return units.HumanSize(float64(n)) }

// ShortID is the first twelve digits of an ID, without "sha256:".
func ShortID(id string) string {
	if _, hex, ok := strings.Cut(id, ":"); ok {
		id = hex
	}
	if len(id) > 12 {
		id = id[:12]
	}
	return id
}

// undated is a date that was not given: Unix time 0, and the year 1 of a Go time.
func undated(seconds int64) bool { return seconds == 0 || seconds == time.Time{}.Unix() }

// Moment is Unix seconds as a date.
func Moment(seconds int64) string {
	if undated(seconds) {
		return "N/A"
	}
	return time.Unix(seconds, 0).String()
}

// Ago is how long ago Unix seconds were, in words.
func Ago(seconds int64) string {
	if undated(seconds) {
		return "N/A"
	}
	return units.HumanDuration(time.Since(time.Unix(seconds, 0))) + " ago"
}

// SizeText is a size in powers of 1000, with three digits.
func SizeText(n int64) string { return units.HumanSizeWithPrecision(float64(n), 3) }

// Ellipsis cuts a text to a number of runes, the last of which says that it was cut.
func Ellipsis(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	if most <= 1 {
		return string([]rune(s)[:most])
	}
	return string([]rune(s)[:most-1]) + "…"
}
