// Package table prints lists of objects: as a table, as JSON, or by a template.
package table

import (
	"io"
	"slices"
	"strings"

	"golang.org/x/term"
	"golang.org/x/text/width"

	"box/personalities/docker/session"
)

// Columns of a table are at least minCell wide and have gap spaces after the longest text, as in Docker.
const (
	minCell = 10
	gap     = 3
)

// minFlexible is the width below which a flexible column is not shortened.
const minFlexible = 8

// table is lines of cells; the first line has the headers.
type table struct {
	lines    [][]string
	fields   []string // field of each column, if known
	gap, min int
}

// readTable parses lines whose cells are separated by tabs.
func readTable(text string) *table {
	t := &table{gap: gap, min: minCell}
	for line := range strings.Lines(text) {
		t.lines = append(t.lines, strings.Split(strings.TrimSuffix(line, "\n"), "\t"))
	}
	return t
}

// columns returns the width of each column's longest text.
func (t *table) columns() []int {
	var widths []int
	for _, line := range t.lines {
		for i, cell := range line {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], Width(cell))
		}
	}
	return widths
}

// total returns the width of the table in columns of the terminal.
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

// fit makes the table fit a window if possible: first by smaller gaps, then by shorter texts in flexible columns, then
// by leaving out optional columns.
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

// shrink shortens the widest flexible column until the table fits. It returns false if it cannot.
func (t *table) shrink(window int, flexible []string) bool {
	for over := t.total() - window; over > 0; over = t.total() - window {
		widths, widest := t.columns(), -1
		for i, field := range t.fields {
			if slices.Contains(flexible, field) && widths[i] > minFlexible && (widest < 0 || widths[i] > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			return false
		}
		most := max(minFlexible, widths[widest]-min(over, max(1, (widths[widest]-minFlexible)/2)))
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
				b.WriteString(strings.Repeat(" ", max(t.min, widths[i]+t.gap)-Width(cell)))
			}
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Width returns how many columns of a terminal a text takes. A wide character, as in Korean, Chinese and
// Japanese, takes two (UAX #11).
func Width(s string) int {
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

// cutText shortens a text to a width; it ends with an ellipsis then.
func cutText(s string, most int) string {
	if Width(s) <= most {
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

// window returns the width of the terminal, or 0 if the stream is not one.
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
