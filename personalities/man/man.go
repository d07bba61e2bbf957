// Package man is `box man`: the manual, made from the same tables as the help. So it exists on hosts without man, and
// matches this version of box.
package man

import (
	"context"
	"fmt"
	"io"
	"strings"

	"box/personalities/cmd"
)

// Command returns the personality. pages returns the pages of all personalities.
func Command(pages func() []*cmd.Usage) cmd.Command {
	return cmd.Command{Name: "man", Summary: "Show the manual of a command",
		Main: func(_ context.Context, env *cmd.Env) error {
			return run(env, pages())
		}}
}

// options are the options of `box man`.
type options struct {
	Roff bool `help:"Write the source of the page, for man -l and packages"`
}

func usage(o *options) *cmd.Usage {
	return &cmd.Usage{
		Path: "box man", Synopsis: "[OPTIONS] [COMMAND...]", Max: -1,
		Summary: "Show the manual of a command; without one, list all manual pages.",
		Options: o,
		Examples: []cmd.Line{
			{Text: "box man docker run", Why: "Show the page of docker run"},
			{Text: "box man --roff dockerd >/usr/share/man/man8/dockerd.8", Why: "Install a page for man"},
		},
	}
}

// Pages returns the command's own page of the manual.
func Pages() []*cmd.Usage { return []*cmd.Usage{usage(new(options))} }

func run(env *cmd.Env, pages []*cmd.Usage) error {
	var o options
	u := usage(&o)
	p, err := cmd.Parse(u, env.Args)
	if err == cmd.ErrHelp {
		u.Help(env.Stdout)
		return nil
	}
	if err != nil {
		return err
	}
	if len(p.Args) == 0 {
		return list(env.Stdout, pages)
	}
	page, err := find(pages, strings.Join(p.Args, " "))
	if err != nil {
		return err
	}
	if o.Roff {
		return source(env.Stdout, page)
	}
	return text(env.Stdout, page)
}

func list(w io.Writer, pages []*cmd.Usage) error {
	width := 0
	for _, p := range pages {
		width = max(width, len(p.Path))
	}
	for _, p := range pages {
		fmt.Fprintf(w, "%-*s  %s\n", width, p.Path, p.Summary)
	}
	_, err := fmt.Fprintln(w, "\nRun 'box man COMMAND' for a page, such as: box man docker run")
	return err
}

// find returns the page of a command. name is its full name, its name without docker or box, or an alias.
func find(pages []*cmd.Usage, name string) (*cmd.Usage, error) {
	var names []string
	for _, p := range pages {
		for _, n := range append([]string{p.Path}, p.Aliases...) {
			short := strings.TrimPrefix(strings.TrimPrefix(n, "docker "), "box ")
			if n == name || short == name {
				return p, nil
			}
			names = append(names, short)
		}
	}
	hint := "run 'box man' for the list"
	if near := cmd.Nearest(name, names); near != "" {
		hint = "did you mean: box man " + near
	}
	return nil, &cmd.Exit{Code: 16, Err: fmt.Errorf("no manual entry for %s: %s", name, hint)}
}

// section is a section of a page.
type section struct {
	title string
	body  string   // paragraphs
	flags []string // flags and their descriptions alternate
}

func sections(u *cmd.Usage) []section {
	out := []section{
		{title: "NAME", body: u.Path + " - " + u.Summary},
		{title: "SYNOPSIS", body: strings.TrimSpace(u.Path + " " + strings.ReplaceAll(u.Synopsis, "\n\t", "\n"))},
	}
	if u.Detail != "" {
		out = append(out, section{title: "DESCRIPTION", body: strings.TrimSpace(u.Detail)})
	}
	if flags := u.Described(); len(flags) > 0 {
		out = append(out, section{title: "OPTIONS", flags: flags})
	}
	if lines := listed(u.Examples); len(lines) > 0 {
		out = append(out, section{title: "EXAMPLES", flags: lines})
	}
	if lines := listed(u.Files); len(lines) > 0 {
		out = append(out, section{title: "FILES", flags: lines})
	}
	if len(u.Aliases) > 1 {
		out = append(out, section{title: "OTHER NAMES", body: strings.Join(u.Aliases, ", ")})
	}
	return out
}

// listed returns texts and their explanations alternately.
func listed(lines []cmd.Line) (out []string) {
	for _, l := range lines {
		out = append(out, l.Text, l.Why)
	}
	return out
}

// text writes a page as plain text.
func text(w io.Writer, u *cmd.Usage) error {
	for i, s := range sections(u) {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintln(w, s.title)
		for _, line := range cmd.Wrap(s.body, 72) {
			if s.body != "" {
				fmt.Fprintln(w, "       "+line)
			}
		}
		for i := 0; i < len(s.flags); i += 2 {
			fmt.Fprintln(w, "       "+s.flags[i])
			for _, line := range cmd.Wrap(s.flags[i+1], 65) {
				fmt.Fprintln(w, "              "+line)
			}
		}
	}
	return nil
}

// source writes a page in the language of man(7).
func source(w io.Writer, u *cmd.Usage) error {
	fmt.Fprintf(w, ".TH %q 1 \"\" %q\n", strings.ToUpper(strings.ReplaceAll(u.Path, " ", "-")), "box "+cmd.Version)
	for _, s := range sections(u) {
		fmt.Fprintf(w, ".SH %s\n", s.title)
		if s.body != "" {
			fmt.Fprintln(w, escape(s.body))
		}
		for i := 0; i < len(s.flags); i += 2 {
			fmt.Fprintf(w, ".TP\n.B %s\n%s\n", escape(s.flags[i]), escape(s.flags[i+1]))
		}
	}
	return nil
}

// escape escapes what roff would interpret.
func escape(s string) string {
	s = strings.ReplaceAll(strings.ReplaceAll(s, `\`, `\e`), "-", `\-`)
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, ".") || strings.HasPrefix(l, "'") {
			lines[i] = `\&` + l
		}
	}
	return strings.Join(lines, "\n.br\n")
}
