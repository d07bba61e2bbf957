package cmd

import "strings"

// Nearest returns the name that was most likely meant by word: one at most two edits away (one edit if word has up to
// three letters), or else one that starts with word. It returns "" if there is none.
func Nearest(word string, names []string) string {
	limit := 2
	if len(word) <= 3 {
		limit = 1
	}
	best, distance := "", limit+1
	for _, name := range names {
		if d := edits(strings.ToLower(word), name); d < distance {
			best, distance = name, d
		}
	}
	if best != "" {
		return best
	}
	for _, name := range names {
		if len(word) > 1 && strings.HasPrefix(name, strings.ToLower(word)) {
			return name
		}
	}
	return ""
}

// edits returns the Levenshtein distance in which swapping neighbours is one edit (optimal string alignment).
func edits(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			d := min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d = min(d, rows[i-2][j-2]+1)
			}
			rows[i][j] = d
		}
	}
	return rows[len(a)][len(b)]
}
