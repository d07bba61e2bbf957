package cmd

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Help prints the synopsis, summary, aliases and flags of the command.
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
	u.helpGroups(w)
}

// shown returns the flags that help lists, in its order.
func (u *Usage) shown() []*Option {
	var out []*Option
	for _, o := range u.model().options {
		if !o.Hidden {
			out = append(out, o)
		}
	}
	if u.Sorted {
		slices.SortStableFunc(out, func(a, b *Option) int { return cmp.Compare(a.Name, b.Name) })
	}
	return out
}

// Flags returns all flags in the order of the fields.
func (u *Usage) Flags() []*Option { return u.model().options }

// Fields returns all fields: the flags, and the keyonly fields that only a configuration file can set.
func (u *Usage) Fields() []*Option { return u.model().fields }

// Names returns the names of the flags that help lists.
func (u *Usage) Names() []string {
	var out []string
	for _, o := range u.shown() {
		out = append(out, o.Name)
	}
	return out
}

// HelpOptions prints the flags in two columns; long names are aligned whether or not there is a short one.
func (u *Usage) HelpOptions(w io.Writer) { u.printOptions(w, func(*Option) {}) }

// helpGroups prints the flags under the titles of their groups.
func (u *Usage) helpGroups(w io.Writer) {
	printed := ""
	u.printOptions(w, func(o *Option) {
		title := "Options"
		if o.Group != nil {
			title = o.Group.Title
		}
		if title != printed {
			fmt.Fprintf(w, "\n%s:\n", title)
			printed = title
		}
	})
}

// printOptions prints the flags, and calls before ahead of each.
func (u *Usage) printOptions(w io.Writer, before func(*Option)) {
	width := 0
	for _, o := range u.shown() {
		width = max(width, len(o.column()))
	}
	for _, o := range u.shown() {
		before(o)
		lines := Wrap(o.described(), max(helpWidth-width-3, 30))
		fmt.Fprintf(w, "%-*s   %s\n", width, o.column(), lines[0])
		for _, line := range lines[1:] {
			fmt.Fprintf(w, "%*s   %s\n", width, "", line)
		}
	}
}

// Described returns pairs of texts: a flag that help lists, as it is typed, and its description with the default.
func (u *Usage) Described() []string {
	var out []string
	for _, o := range u.shown() {
		out = append(out, strings.TrimSpace(o.column()), o.described())
	}
	return out
}

// helpWidth is the width at which descriptions are wrapped.
const helpWidth = 80

// Wrap breaks lines at spaces so that they are at most width long. A longer word is not broken.
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
