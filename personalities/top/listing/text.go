// Package listing is how containers and hosts are listed by `box top`, on the screen and for scripts: the columns,
// their texts and orders, and which text from others may reach a terminal.
package listing

import (
	"fmt"
	"strings"
	"time"
	"unicode"
)

// Clean returns a text from a container, an image or a daemon without what a terminal would obey, or what would change
// the order of the text beside it: control characters, and those that format. Tabs and the ends of lines are spaces.
func Clean(text string) string {
	if plain(text) {
		return text
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n' || r == '\r':
			return ' '
		case unicode.Is(unicode.Cc, r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Zl, r), unicode.Is(unicode.Zp, r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
}

func plain(text string) bool {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

// Size formats bytes in powers of 1024 in at most 5 characters: 1023, 9.9K, 512M.
func Size(n float64) string {
	if n < 0 {
		return "-" + Size(-n)
	}
	const units = "KMGTPE"
	if n < 1000 {
		return fmt.Sprintf("%.0f", n)
	}
	for i := range units {
		n /= 1024
		switch {
		case n < 9.95:
			return fmt.Sprintf("%.1f%c", n, units[i])
		case n < 1000:
			return fmt.Sprintf("%.0f%c", n, units[i])
		}
	}
	return fmt.Sprintf("%.0fE", n)
}

// Span formats a duration in its largest unit: 45s, 12m, 3h, 40d, 2y.
func Span(d time.Duration) string {
	day := 24 * time.Hour
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", max(0, int(d.Seconds())))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 2*day:
		return fmt.Sprintf("%dh", int(d.Hours()))
	case d < 730*day:
		return fmt.Sprintf("%dd", int(d/day))
	}
	return fmt.Sprintf("%dy", int(d/(365*day)))
}

// Percent formats a share in at most 4 characters: 0.4%, 37%, 412%.
func Percent(share float64) string {
	switch p := share * 100; {
	case p <= 0:
		return "0%"
	case p < 9.95:
		return fmt.Sprintf("%.1f%%", p)
	default:
		return fmt.Sprintf("%.0f%%", p)
	}
}
