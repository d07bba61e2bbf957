package docker

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"box/personalities/cmd"
	"box/personalities/docker/session"
)

// entry is a line in a list of commands.
type entry struct{ name, summary string }

// topNames returns all words that may follow docker.
func topNames() []string {
	var out []string
	for _, e := range topEntries() {
		out = append(out, e.name)
	}
	for _, g := range groups() {
		out = append(out, g.name)
	}
	return out
}

func topEntries() []entry {
	var out []entry
	for _, c := range commands() {
		for _, n := range c.names {
			if !strings.Contains(n, " ") {
				out = append(out, entry{n, c.summary})
			}
		}
	}
	slices.SortFunc(out, func(a, b entry) int { return cmp.Compare(a.name, b.name) })
	return out
}

// verbsOf returns the verbs of a noun.
func verbsOf(noun string) []string {
	var out []string
	for _, e := range groupEntries(noun) {
		out = append(out, e.name)
	}
	return out
}

func groupEntries(noun string) []entry {
	var out []entry
	for _, c := range commands() {
		if verb, ok := strings.CutPrefix(c.names[0], noun+" "); ok && c.summary != "" {
			out = append(out, entry{verb, c.summary})
		}
	}
	return out
}

func printEntries(w io.Writer, title string, entries []entry) {
	fmt.Fprintf(w, "\n%s:\n", title)
	for _, e := range entries {
		fmt.Fprintf(w, "  %-10s  %s\n", e.name, e.summary)
	}
}

// Pages returns the manual pages of all commands, each under its shortest name.
func Pages() []*cmd.Usage {
	var out []*cmd.Usage
	for _, c := range commands() {
		if c.summary == "" {
			continue
		}
		out = append(out, c.usage("docker "+c.names[len(c.names)-1]))
	}
	slices.SortFunc(out, func(a, b *cmd.Usage) int { return cmp.Compare(a.Path, b.Path) })
	return out
}

// topHelp prints `docker --help`: common commands, nouns, other commands, global options.
func topHelp(s *session.Session, w io.Writer) {
	all := topEntries()
	var first, rest, nouns []entry
	for _, name := range common() {
		i := slices.IndexFunc(all, func(e entry) bool { return e.name == name })
		first = append(first, all[i])
	}
	for _, e := range all {
		if !slices.Contains(common(), e.name) {
			rest = append(rest, e)
		}
	}
	for _, g := range groups() {
		nouns = append(nouns, entry(g))
	}
	fmt.Fprintln(w, "Usage:  docker [OPTIONS] COMMAND\n\nRun containers and manage images, networks and volumes")
	printEntries(w, "Common Commands", first)
	printEntries(w, "Management Commands", nouns)
	printEntries(w, "Commands", rest)
	fmt.Fprintln(w, "\nGlobal Options:")
	s.Usage().HelpOptions(w)
	fmt.Fprintln(w, "\nRun 'docker COMMAND --help' for more information on a command.")
}

// groupHelp prints `docker NOUN --help`.
func groupHelp(s *session.Session, w io.Writer, g *group) {
	fmt.Fprintf(w, "Usage:  docker %s COMMAND\n\n%s\n", g.name, g.summary)
	printEntries(w, "Commands", groupEntries(g.name))
	fmt.Fprintf(w, "\nRun 'docker %s COMMAND --help' for more information on a command.\n", g.name)
}
