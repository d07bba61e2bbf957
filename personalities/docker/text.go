package docker

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/docker/go-units"

	"box/engine/reference"
)

// shortID is the first twelve digits of an ID, without "sha256:".
func shortID(id string) string {
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

// moment is Unix seconds as a date.
func moment(seconds int64) string {
	if undated(seconds) {
		return "N/A"
	}
	return time.Unix(seconds, 0).String()
}

// ago is how long ago Unix seconds were, in words.
func ago(seconds int64) string {
	if undated(seconds) {
		return "N/A"
	}
	return units.HumanDuration(time.Since(time.Unix(seconds, 0))) + " ago"
}

// sizeText is a size in powers of 1000, with three digits.
func sizeText(n int64) string { return units.HumanSizeWithPrecision(float64(n), 3) }

// ellipsis cuts a text to a number of runes, the last of which says that it was cut.
func ellipsis(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	if most <= 1 {
		return string([]rune(s)[:most])
	}
	return string([]rune(s)[:most-1]) + "…"
}

// familiar is an image's name as people say it, with the tag that is meant: busybox is busybox:latest.
func familiar(name string) string {
	named, err := reference.Parse(name)
	if err != nil {
		return name
	}
	return named.OrLatest().Familiar()
}

// filters reads the values of --filter.
type filters map[string][]string

// UnmarshalText adds one KEY=VALUE.
func (f *filters) UnmarshalText(raw []byte) error {
	text := string(raw)
	key, value, ok := strings.Cut(text, "=")
	if !ok {
		return fmt.Errorf("bad format of filter (expected name=value)")
	}
	if *f == nil {
		*f = filters{}
	}
	key = strings.ToLower(strings.TrimSpace(key))
	(*f)[key] = append((*f)[key], strings.TrimSpace(value))
	return nil
}
