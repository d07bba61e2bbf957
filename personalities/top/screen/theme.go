package screen

import "github.com/gdamore/tcell/v2"

// theme is the styles of the screen. They use the terminal's own sixteen colours, so that they suit a dark and a light
// one, and none carries a meaning that a word beside it has not: with NO_COLOR tcell leaves the colours away.
var (
	plain  = tcell.StyleDefault
	dim    = plain.Foreground(tcell.ColorGray)
	bold   = plain.Bold(true)
	bar    = plain.Reverse(true)
	chosen = plain.Reverse(true).Bold(true)
	good   = plain.Foreground(tcell.ColorGreen)
	warn   = plain.Foreground(tcell.ColorOlive).Bold(true)
	bad    = plain.Foreground(tcell.ColorMaroon).Bold(true)
	calm   = plain.Foreground(tcell.ColorTeal)
	head   = plain.Bold(true).Underline(true)
)

// graded returns the style for a share of what there is.
func graded(share float64) tcell.Style {
	switch {
	case share >= 0.9:
		return bad
	case share >= 0.75:
		return warn
	}
	return good
}
