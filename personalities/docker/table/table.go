// Package table prints listings: as a table, as JSON, by a template.
package table

import (
	"io"
	"slices"
	"strings"

	"golang.org/x/term"
	"golang.org/x/text/width"

	"box/personalities/docker/session"
)

// How wide a table's cells are: at least minCell columns, with gap after the longest text, as in Docker's tables.
const (
	minCell = 10
	gap     = 3
)

// narrowest is what a flexible column keeps in a window that is too narrow.
const narrowest = 8

// table is lines of cells, the first of them the headers.
type table struct {
	lines    [][]string
	fields   []string // what each column shows, where that is known
	gap, min int
}

// readTable reads lines whose cells are parted by tabs.
func readTable(text string) *table {
	t := &table{gap: gap, min: minCell}
	for line := range strings.Lines(text) {
		t.lines = append(t.lines, strings.Split(strings.TrimSuffix(line, "\n"), "\t"))
	}
	return t
}

// columns is how wide each column's longest text is.
func (t *table) columns() []int {
	var widths []int
	for _, line := range t.lines {
		for i, cell := range line {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], displayWidth(cell))
		}
	}
	return widths
}

// total is how wide the table is on a screen.
func (t *table) total() int {
	sum := 0
	for i, w := range t.columns() {
		if i > 0 {
			sum += max(t.min, t.columns()[i-1]+t.gap) - t.columns()[i-1]
		}
		sum += w
	}
	return sum
}

// fit makes the table no wider than a window, if it can: by smaller gaps, then by shorter texts in flexible columns,
// then without the optional ones.
func (t *table) fit(window int, flexible, optional []string) {
	if t.total() <= window {
		return
	}
	t.gap, t.min = 1, 0
	if t.shrink(window, flexible) {
		return
	}
	for _, field := range optional {
		if i := slices.Index(t.fields, field); i >= 0 {
			t.drop(i)
		}
		if t.shrink(window, flexible) {
			return
		}
	}
}

// shrink cuts the widest of the flexible columns again and again.
func (t *table) shrink(window int, flexible []string) bool {
	for over := t.total() - window; over > 0; over = t.total() - window {
		widths, widest := t.columns(), -1
		for i, field := range t.fields {
			if slices.Contains(flexible, field) && widths[i] > narrowest && (widest < 0 || widths[i] > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			return false
		}
		most := max(narrowest, widths[widest]-min(over, max(1, (widths[widest]-narrowest)/2)))
		for _, line := range t.lines {
			line[widest] = cutText(line[widest], most)
		}
	}
	return true
}

func (t *table) drop(i int) {
	t.fields = slices.Delete(slices.Clone(t.fields), i, i+1)
	for n, line := range t.lines {
		t.lines[n] = slices.Delete(line, i, i+1)
	}
}

// write prints the table.
func (t *table) write(w io.Writer) error {
	var b strings.Builder
	widths := t.columns()
	for _, line := range t.lines {
		for i, cell := range line {
			b.WriteString(cell)
			if i < len(line)-1 {
				b.WriteString(strings.Repeat(" ", max(t.min, widths[i]+t.gap)-displayWidth(cell)))
			}
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// displayWidth is how many columns of a terminal a text takes: two for a character of Korean, Chinese or
// Japanese (UAX #11).
func displayWidth(s string) int {
	n := 0
	for _, r := range s {
		n += runeWidth(r)
	}
	return n
}

func runeWidth(r rune) int {
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// cutText cuts a text to a width; a sign at its end says so.
func cutText(s string, most int) string {
	if displayWidth(s) <= most {
		return s
	}
	n := 0
	for i, r := range s {
		if n += runeWidth(r); n > most-1 {
			return s[:i] + "…"
		}
	}
	return s
}

// window is how many columns the terminal has that a stream is, 0 for none.
func window(stream any) int {
	fd, ok := session.Terminal(stream)
	if !ok {
		return 0
	}
	columns, _, err := term.GetSize(fd)
	if err != nil {
		return 0
	}
	return columns
}
