package top

import (
	"io"
	"strings"

	"box/personalities/docker/table"
)

// align prints rows of cells under their titles, two blanks apart. A column for which right is true, or any beyond the
// end of right, is aligned to the right.
func align(w io.Writer, titles []string, right []bool, rows [][]string) error {
	widths := make([]int, len(titles))
	all := append([][]string{titles}, rows...)
	for _, row := range all {
		for i, cell := range row {
			widths[i] = max(widths[i], table.Width(cell))
		}
	}
	var out strings.Builder
	for _, row := range all {
		var line strings.Builder
		for i, cell := range row {
			space := strings.Repeat(" ", widths[i]-table.Width(cell))
			if i > 0 {
				line.WriteString("  ")
			}
			if i >= len(right) || right[i] {
				cell, space = space, cell
			}
			line.WriteString(cell + space)
		}
		out.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	_, err := io.WriteString(w, out.String())
	return err
}
