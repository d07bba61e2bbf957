package screen

import (
	"math"
	"strings"

	"github.com/gdamore/tcell/v2"
	"github.com/rivo/uniseg"

	"box/personalities/top/listing"
)

// canvas is a part of the screen. Nothing that is written to it reaches beyond it, and no text can do more to the
// terminal than be shown.
type canvas struct {
	s          tcell.Screen
	x, y, w, h int
	areas      *[]area
}

// area is a part of the screen on which a click is a key.
type area struct {
	x, y, w int
	key     string
	row     int // of a list, for the key "row"
}

// part returns a part of a canvas.
func (c canvas) part(x, y, w, h int) canvas {
	x, y = min(max(0, x), c.w), min(max(0, y), c.h)
	return canvas{c.s, c.x + x, c.y + y, max(0, min(w, c.w-x)), max(0, min(h, c.h-y)), c.areas}
}

// put writes a text at a place, at most w cells of it, and returns how many it has taken.
func (c canvas) put(x, y, w int, text string, style tcell.Style) int {
	if y < 0 || y >= c.h || x < 0 {
		return 0
	}
	w = min(w, c.w-x)
	at, state, rest := 0, -1, listing.Clean(text)
	for rest != "" && at < w {
		var cell string
		var width int
		cell, rest, width, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if width == 0 {
			continue // a mark without a letter
		}
		if at+width > w || at+width == w && rest != "" && uniseg.StringWidth(rest) > 0 {
			c.s.Put(c.x+x+at, c.y+y, "…", style)
			at++
			break
		}
		c.s.Put(c.x+x+at, c.y+y, cell, style)
		at += width
	}
	return at
}

// cell writes a text into a column: padded, and aligned to the right if asked for.
func (c canvas) cell(x, y, w int, text string, right bool, style tcell.Style) {
	c.blank(x, y, w, style)
	if n := textWidth(text); right && n < w {
		x, w = x+w-n, n
	}
	c.put(x, y, w, text, style)
}

// blank fills cells of a line.
func (c canvas) blank(x, y, w int, style tcell.Style) {
	if y < 0 || y >= c.h {
		return
	}
	for i := max(0, x); i < min(x+w, c.w); i++ {
		c.s.Put(c.x+i, c.y+y, " ", style)
	}
}

// click makes a part of a line act as a key.
func (c canvas) click(x, y, w int, key string, row int) {
	if y >= 0 && y < c.h {
		*c.areas = append(*c.areas, area{c.x + x, c.y + y, w, key, row})
	}
}

// textWidth is the number of cells that a text takes.
func textWidth(text string) int { return uniseg.StringWidth(listing.Clean(text)) }

// pieces writes texts of several styles after each other, and returns where they end.
func (c canvas) pieces(x, y int, list ...piece) int {
	for _, p := range list {
		x += c.put(x, y, c.w-x, p.text, p.style)
	}
	return x
}

// piece is a text in a style.
type piece struct {
	text  string
	style tcell.Style
}

// steps are the eighths of a cell, from the bottom.
const steps = " ▁▂▃▄▅▆▇█"

// asciiSteps are the same for terminals without these.
const asciiSteps = " ..::||##"

// level returns the character for a share of a cell. What is more than nothing is seen.
func level(set []rune, share float64) rune {
	if math.IsNaN(share) || share <= 0 {
		return set[0]
	}
	return set[min(len(set)-1, 1+int(share*float64(len(set)-1)))]
}

// spark draws the last values as a line of bars, the newest at the right. most is the value of a full bar; a missing
// value is a gap.
func (c canvas) spark(x, y, w int, values []float64, most float64, style tcell.Style) {
	set := c.bars()
	values = values[max(0, len(values)-w):]
	c.blank(x, y, w, style)
	var text strings.Builder
	for _, v := range values {
		text.WriteRune(level(set, v/most))
	}
	c.put(x+w-len(values), y, len(values), text.String(), style)
}

// unicode tells whether the terminal can show more than ASCII.
func (c canvas) unicode() bool { return c.s.CharacterSet() == "UTF-8" }

// bars are the characters that the terminal can show.
func (c canvas) bars() []rune {
	if c.unicode() {
		return []rune(steps)
	}
	return []rune(asciiSteps)
}

// gauge draws a share as a bar of w cells.
func (c canvas) gauge(x, y, w int, share float64, style, rest tcell.Style) {
	share = min(1, max(0, share))
	full := int(math.Round(share * float64(w)))
	if full == 0 && share > 0 {
		full = 1
	}
	filled, open := "█", "░"
	if !c.unicode() {
		filled, open = "#", "."
	}
	c.put(x, y, full, strings.Repeat(filled, full), style)
	c.put(x+full, y, w-full, strings.Repeat(open, w-full), rest)
}

// graph draws values over the height of the canvas. most is the value of the full height. What is measured as nothing
// is a line at the bottom, what is not measured is a gap.
func (c canvas) graph(values []float64, most float64, style tcell.Style) {
	set := c.bars()
	if most <= 0 {
		most = 1
	}
	for x := range min(c.w, len(values)) {
		if values[x] == 0 {
			c.put(x, c.h-1, 1, string(set[1]), dim)
			continue
		}
		v := values[x] / most * float64(c.h)
		for y := range c.h {
			c.s.Put(c.x+x, c.y+c.h-1-y, string(level(set, min(1, v-float64(y)))), style)
		}
	}
}
