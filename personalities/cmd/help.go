package cmd

import (
	"fmt"
	"io"
	"strings"
)

// Help prints how the command is used: synopsis, summary, other names, flags.
func (u *Usage) Help(w io.Writer) {
	fmt.Fprintf(w, "Usage:  %s\n", strings.TrimSpace(u.Path+" "+u.Synopsis))
	if u.Summary != "" {
		fmt.Fprintf(w, "\n%s\n", u.Summary)
	}
	if u.Detail != "" {
		fmt.Fprintf(w, "\n%s\n", strings.TrimRight(u.Detail, "\n"))
	}
	if len(u.Aliases) > 1 {
		fmt.Fprintf(w, "\nAliases:\n  %s\n", strings.Join(u.Aliases, ", "))
	}
	if len(u.flagNames()) > 0 {
		fmt.Fprintln(w, "\nOptions:")
		FlagHelp(w, u.Flags)
	}
}

// Described is each flag that is not hidden, as one types it, and after it what it does with its default.
func (u *Usage) Described() []string {
	var out []string
	for i := range u.Flags {
		f := &u.Flags[i]
		if f.Hidden {
			continue
		}
		text := f.Help
		if d := f.initial(); d != "" {
			text += " (default " + d + ")"
		}
		out = append(out, strings.TrimSpace(f.column()), text)
	}
	return out
}

// helpWidth is the column at which descriptions break.
const helpWidth = 80

// FlagHelp prints the flags in two columns, those with a letter aligned with those without.
func FlagHelp(w io.Writer, flags []Flag) {
	var left []string
	width := 0
	for i := range flags {
		left = append(left, flags[i].column())
		width = max(width, len(left[i]))
	}
	for i, f := range flags {
		if f.Hidden {
			continue
		}
		text := f.Help
		if d := f.initial(); d != "" {
			text += " (default " + d + ")"
		}
		lines := Wrap(text, max(helpWidth-width-3, 30))
		fmt.Fprintf(w, "%-*s   %s\n", width, left[i], lines[0])
		for _, line := range lines[1:] {
			fmt.Fprintf(w, "%*s   %s\n", width, "", line)
		}
	}
}

// column is the left side of a flag's line of help; empty for one that is hidden.
func (f *Flag) column() string {
	if f.Hidden {
		return ""
	}
	text := "      --" + f.Name
	if f.Short != "" {
		text = "  -" + f.Short + ", --" + f.Name
	}
	if k := f.kind(); k != "" {
		text += " " + k
	}
	return text
}

// Wrap breaks each line of text at spaces so that none is wider than width; a single longer word stays whole.
func Wrap(text string, width int) []string {
	var out []string
	for line := range strings.SplitSeq(text, "\n") {
		for len(line) > width {
			cut := strings.LastIndexByte(line[:width+1], ' ')
			if cut <= 0 {
				break
			}
			out = append(out, line[:cut])
			line = line[cut+1:]
		}
		out = append(out, line)
	}
	return out
}
