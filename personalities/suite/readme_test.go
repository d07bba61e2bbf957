package suite

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// page is what of a README must hold in every language.
type page struct {
	sections int      // headings of the second level
	commands []string // the indented lines
	steps    int      // of the numbered walk
	files    []string // in backquotes with a slash, in order
}

func readPage(t *testing.T, path string) page {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var p page
	for line := range strings.Lines(string(raw)) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "## "):
			p.sections++
		case strings.HasPrefix(line, "    "):
			p.commands = append(p.commands, strings.TrimSpace(line))
		case len(line) > 2 && line[1] == '.' && '0' < line[0] && line[0] <= '9':
			p.steps++
		}
		for i, word := range strings.Split(line, "`") {
			if i%2 == 1 && strings.HasSuffix(word, ".go") {
				p.files = append(p.files, word)
			}
		}
	}
	return p
}

// TestReadmes: the translation has the same sections, commands and walk, and the files that the walk names are there.
func TestReadmes(t *testing.T) {
	english, korean := readPage(t, "README.md"), readPage(t, "README.ko.md")
	if english.sections != korean.sections || english.steps != korean.steps {
		t.Errorf("README.md has %d sections and %d steps, README.ko.md %d and %d", english.sections, english.steps,
			korean.sections, korean.steps)
	}
	if !slices.Equal(english.commands, korean.commands) {
		t.Errorf("README.md has the commands %q, README.ko.md %q", english.commands, korean.commands)
	}
	if !slices.Equal(slices.Sorted(slices.Values(english.files)), slices.Sorted(slices.Values(korean.files))) {
		t.Errorf("README.md names %q, README.ko.md %q", english.files, korean.files)
	}
	for _, f := range english.files {
		if _, err := os.Stat(f); err != nil {
			t.Errorf("README.md names a file that is not there: %v", err)
		}
	}
}
