// Package docker is the client: `box docker`, or the file under the name docker. One file is a noun or a verb;
// commands.go is the table of them all.
package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"box/personalities/cmd"
)

// Command is the client personality.
var Command = cmd.Command{Name: "docker", Summary: "Talk to a container daemon: run, ps, logs, ...", Main: Main}

// Main runs one docker command line.
func Main(ctx context.Context, env *cmd.Env) error {
	s := newSession(env, isCommand)
	defer s.close()
	top := s.usage()
	p, err := cmd.Parse(top, env.Args)
	switch {
	case errors.Is(err, cmd.ErrHelp):
		s.topHelp(env.Stdout)
		return nil
	case err != nil:
		return err
	case s.flags.Version:
		_, err := fmt.Fprintf(env.Stdout, "Docker version %s, build box\n", cmd.DockerVersion())
		return err
	case len(p.Args) == 0:
		s.topHelp(env.Stdout)
		return nil
	}
	if err := s.flags.check(); err != nil {
		return &cmd.Exit{Code: 1, Err: err}
	}
	return s.dispatch(ctx, p.Args)
}

// dispatch finds the command that the first words name and runs it.
func (s *session) dispatch(ctx context.Context, words []string) error {
	switch words[0] {
	case "help":
		return s.help(words[1:])
	case "__complete":
		return s.complete(ctx, words[1:])
	case "daemon":
		return s.daemon(words[1:])
	}
	row, n := find(words)
	if row != nil {
		return s.run(ctx, row, strings.Join(words[:n], " "), words[n:])
	}
	if text := unbuilt(words); text != "" {
		return &cmd.Exit{Code: 1, Err: errors.New(text)}
	}
	if g := findGroup(words[0]); g != nil {
		return s.group(g, words[1:])
	}
	return unknown("docker", words[0], topNames(), "")
}

// run parses the rest of a command line and carries the command out. typed is how the user named it.
func (s *session) run(ctx context.Context, row *command, typed string, args []string) error {
	u := row.usage("docker " + typed)
	p, err := cmd.Parse(u, args)
	if errors.Is(err, cmd.ErrHelp) {
		u.Help(s.out)
		return nil
	}
	if err != nil {
		return err
	}
	err = s.guard(ctx, p, row.run)
	var exit *cmd.Exit
	if err == nil || errors.As(err, &exit) {
		return err
	}
	return &cmd.Exit{Code: 1, Err: s.advise(err)}
}

// unknown is the error for a word that names no command.
func unknown(path, word string, names []string, usage string) error {
	text := fmt.Sprintf("docker: unknown command: %s %s\n", path, word)
	if near := cmd.Nearest(word, names); near != "" {
		text += fmt.Sprintf("\nDid you mean: %s %s\n", path, near)
	}
	return &cmd.Exit{Code: 1, Err: fmt.Errorf("%s%s\nRun '%s --help' for more information", text, usage, path)}
}

// group handles `docker NOUN ...` where the rest names no command.
func (s *session) group(g *group, rest []string) error {
	if len(rest) == 0 || rest[0] == "--help" || rest[0] == "-h" {
		s.groupHelp(s.out, g)
		return nil
	}
	if strings.HasPrefix(rest[0], "-") {
		_, err := cmd.Parse(&cmd.Usage{Path: "docker " + g.name, Max: -1, First: true}, rest)
		return err
	}
	return unknown("docker "+g.name, rest[0], verbsOf(g.name), fmt.Sprintf("\nUsage:  docker %s\n", g.name))
}

// help is `docker help [COMMAND...]`.
func (s *session) help(words []string) error {
	if len(words) == 0 {
		s.topHelp(s.out)
		return nil
	}
	if row, n := find(words); row != nil && n == len(words) {
		u := row.usage("docker " + strings.Join(words, " "))
		u.Help(s.out)
		return nil
	}
	if g := findGroup(words[0]); g != nil && len(words) == 1 {
		s.groupHelp(s.out, g)
		return nil
	}
	return &cmd.Exit{Code: 1, Err: fmt.Errorf("unknown help topic: %s", strings.Join(words, " "))}
}

// errors of several operands are printed as they come; this is the exit code they leave behind.
func (s *session) partial(failed bool) error {
	if failed {
		return &cmd.Exit{Code: 1}
	}
	return nil
}

// complain prints one such error; the user knows of a signal.
func (s *session) complain(err error) {
	var i *interrupted
	if errors.As(err, &i) {
		return
	}
	fmt.Fprintln(s.errw, s.advise(err))
}

// each applies f to every operand, prints the operand where it worked and the error where it did not.
func (s *session) each(ctx context.Context, operands []string, f func(context.Context, string) error) error {
	failed := false
	for _, operand := range operands {
		if err := f(ctx, operand); err != nil {
			if ctx.Err() != nil {
				return err
			}
			failed = true
			s.complain(err)
			continue
		}
		if _, err := io.WriteString(s.out, operand+"\n"); err != nil {
			return err
		}
	}
	return s.partial(failed)
}
