package screen

import (
	"slices"
	"strings"

	"github.com/gdamore/tcell/v2"
	"github.com/rivo/uniseg"

	"box/personalities/top/listing"
)

// pager shows lines that may come without end: it keeps the last of them, follows the end unless the user has moved,
// and finds words.
type pager struct {
	lines  []line
	top    int // first line that is seen, unless it follows
	follow bool
	search string
	typing bool
	height int
}

// line is a line of a pager.
type line struct {
	text  string // clean
	style tcell.Style
}

// maxLines bounds what a pager keeps.
const maxLines = 5000

// maxText bounds a line, in bytes.
const maxText = 4096

func (p *pager) add(text string, style tcell.Style) {
	if len(text) > maxText {
		text = text[:maxText] + "…"
	}
	p.lines = append(p.lines, line{listing.Clean(text), style})
	if extra := len(p.lines) - maxLines; extra > maxLines/4 { // seldom, since it moves all
		p.lines = slices.Clone(p.lines[extra:])
		p.top = max(0, p.top-extra)
	}
}

// rows cuts a line at a width.
func rows(text string, w int) (list []string) {
	if w <= 0 {
		return []string{""}
	}
	at, begin, state, rest := 0, 0, -1, text
	for rest != "" {
		var cell string
		var width int
		before := len(text) - len(rest)
		cell, rest, width, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if at+width > w && before > begin {
			list = append(list, text[begin:before])
			begin, at = before, 0
		}
		at += width
		_ = cell
	}
	return append(list, text[begin:])
}

func (p *pager) draw(c canvas) {
	p.height = c.h
	if p.follow {
		p.top = p.last(c.w, c.h)
	}
	y := 0
	for i := max(0, p.top); i < len(p.lines) && y < c.h; i++ {
		l := p.lines[i]
		for _, row := range rows(l.text, c.w) {
			c.put(0, y, c.w, row, l.style)
			p.mark(c, y, row, l.style)
			y++
		}
	}
}

// mark shows where the words that are searched for are in a row.
func (p *pager) mark(c canvas, y int, row string, style tcell.Style) {
	if p.search == "" {
		return
	}
	lower, word := strings.ToLower(row), strings.ToLower(p.search)
	if len(lower) != len(row) {
		return // letters that change their length
	}
	for from := 0; ; {
		i := strings.Index(lower[from:], word)
		if i < 0 {
			return
		}
		c.put(textWidth(row[:from+i]), y, c.w, row[from+i:from+i+len(word)], style.Reverse(true))
		from += i + len(word)
	}
}

// last returns the first line of the last that fit.
func (p *pager) last(w, h int) int {
	n := 0
	for i := len(p.lines) - 1; i >= 0; i-- {
		n += len(rows(p.lines[i].text, w))
		if n > h {
			return min(i+1, len(p.lines)-1)
		}
	}
	return 0
}

// hints are the keys of a pager.
func (p *pager) hints() []hint {
	if p.typing {
		return []hint{{"enter", "find " + p.search}, {"esc", "clear"}}
	}
	list := []hint{{"/", "find"}}
	if p.search != "" {
		list = append(list, hint{"n", "next " + p.search}, hint{"N", "before"})
	}
	if !p.follow {
		list = append(list, hint{"f", "follow"})
	}
	return list
}

// key handles a key; false: it is none of a pager.
func (p *pager) key(k string) bool {
	if p.typing {
		switch k {
		case "enter":
			p.typing = false
			p.find(-1)
		case "esc":
			p.typing, p.search = false, ""
		default:
			p.search = typed(p.search, k)
		}
		return true
	}
	switch k {
	case "up":
		p.move(-1)
	case "down":
		p.move(1)
	case "pgup":
		p.move(-max(1, p.height-1))
	case "pgdn":
		p.move(max(1, p.height-1))
	case "home":
		p.move(-len(p.lines))
	case "end", "f":
		p.follow = true
	case "/":
		p.typing, p.search = true, ""
	case "n":
		p.find(1)
	case "N":
		p.find(-1)
	case "esc":
		if p.search == "" {
			return false
		}
		p.search = ""
	default:
		return false
	}
	return true
}

func (p *pager) move(by int) {
	p.follow = false
	p.top = max(0, min(p.top+by, len(p.lines)-1))
}

// find moves to the next line with the word, or to the one before.
func (p *pager) find(by int) {
	word := strings.ToLower(p.search)
	if word == "" {
		return
	}
	from := p.top
	if by < 0 && p.follow {
		from = len(p.lines)
	}
	for i := from + by; i >= 0 && i < len(p.lines); i += by {
		if strings.Contains(strings.ToLower(p.lines[i].text), word) {
			p.top, p.follow = i, false
			return
		}
	}
}
