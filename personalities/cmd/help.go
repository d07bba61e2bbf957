package cmd

import (
	"fmt"
	"io"
	"sort"
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
	switch {
	case u.Flags == nil:
		u.helpOptions(w)
	case len(u.flagNames()) > 0:
		u.options(w)
	}
}

// shown are the flags that help has, in its order.
func (u *Usage) shown() []*Option {
	var out []*Option
	for _, o := range u.model().options {
		if !o.Hidden {
			out = append(out, o)
		}
	}
	if u.Sorted {
		sort.SliceStable(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	}
	return out
}

// Declared is every flag, in the order of the fields.
func (u *Usage) Declared() []*Option { return u.model().options }

// Names are those of the flags that help has.
func (u *Usage) Names() []string {
	var out []string
	for _, o := range u.shown() {
		out = append(out, o.Name)
	}
	return out
}

// helpOptions prints the flags, under the headings of their groups where they have some.
func (u *Usage) helpOptions(w io.Writer) {
	title := ""
	for i, o := range u.shown() {
		under := "Options"
		if o.Group != nil {
			under = o.Group.Title
		}
		if i == 0 || under != title {
			fmt.Fprintf(w, "\n%s:\n", under)
			title = under
		}
		u.helpOption(w, o)
	}
}

// HelpOptions prints the flags in two columns, those with a letter aligned with those without.
func (u *Usage) HelpOptions(w io.Writer) {
	for _, o := range u.shown() {
		u.helpOption(w, o)
	}
}

func (u *Usage) helpOption(w io.Writer, o *Option) {
	width := 0
	for _, o := range u.shown() {
		width = max(width, len(o.column()))
	}
	lines := Wrap(o.described(), max(helpWidth-width-3, 30))
	fmt.Fprintf(w, "%-*s   %s\n", width, o.column(), lines[0])
	for _, line := range lines[1:] {
		fmt.Fprintf(w, "%*s   %s\n", width, "", line)
	}
}

// options prints the flags, under the headings of their groups where they have some.
func (u *Usage) options(w io.Writer) {
	if len(u.Groups) == 0 {
		fmt.Fprintln(w, "\nOptions:")
	}
	rest, width := u.Flags, columns(u.Flags)
	for _, g := range u.Groups {
		fmt.Fprintf(w, "\n%s:\n", g.Name)
		flagHelp(w, rest[:g.Count], width)
		rest = rest[g.Count:]
	}
	flagHelp(w, rest, width)
}

// Described is each flag that is not hidden, as one types it, and after it what it does with its default.
func (u *Usage) Described() []string {
	var out []string
	if u.Flags == nil {
		for _, o := range u.shown() {
			out = append(out, strings.TrimSpace(o.column()), o.described())
		}
		return out
	}
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
func FlagHelp(w io.Writer, flags []Flag) { flagHelp(w, flags, columns(flags)) }

// columns is the width of the left one.
func columns(flags []Flag) (width int) {
	for i := range flags {
		width = max(width, len(flags[i].column()))
	}
	return width
}

func flagHelp(w io.Writer, flags []Flag, width int) {
	for _, f := range flags {
		if f.Hidden {
			continue
		}
		text := f.Help
		if d := f.initial(); d != "" {
			text += " (default " + d + ")"
		}
		lines := Wrap(text, max(helpWidth-width-3, 30))
		fmt.Fprintf(w, "%-*s   %s\n", width, f.column(), lines[0])
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
