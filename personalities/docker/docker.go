// Package docker is the client: `box docker`, or box under the name docker. commands.go is the table of commands; they
// are implemented in the packages below, one for each noun, with a file for each verb.
package docker

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"box/personalities/cmd"
	"box/personalities/docker/session"
)

// Command is the client as a personality.
var Command = cmd.Command{Name: "docker", Summary: "Talk to a container daemon: run, ps, logs, ...", Main: Main}

// Main runs a command line of the client.
func Main(ctx context.Context, env *cmd.Env) error {
	s := session.New(env, isCommand)
	defer s.Close()
	top := s.Usage()
	p, err := cmd.Parse(top, env.Args)
	switch {
	case errors.Is(err, cmd.ErrHelp):
		topHelp(s, env.Stdout)
		return nil
	case err != nil:
		return err
	case s.Flags.Version:
		_, err := fmt.Fprintf(env.Stdout, "Docker version %s, build box\n", cmd.DockerVersion())
		return err
	case len(p.Args) == 0:
		topHelp(s, env.Stdout)
		return nil
	}
	if err := s.Flags.Check(); err != nil {
		return &cmd.Exit{Code: 1, Err: err}
	}
	return dispatch(ctx, s, p.Args)
}

// dispatch runs the command that the first words name.
func dispatch(ctx context.Context, s *session.Session, words []string) error {
	switch words[0] {
	case "help":
		return helpCommand(s, words[1:])
	case "__complete":
		return complete(ctx, s, words[1:])
	case "daemon":
		return daemon(s, words[1:])
	}
	row, n := find(words)
	if row != nil {
		return runCommand(ctx, s, row, strings.Join(words[:n], " "), words[n:])
	}
	if text := unbuilt(words); text != "" {
		return &cmd.Exit{Code: 1, Err: errors.New(text)}
	}
	if g := findGroup(words[0]); g != nil {
		return groupCommand(s, g, words[1:])
	}
	return unknown("docker", words[0], topNames(), "")
}

// runCommand parses the arguments of a command and runs it. typed is the name that the user typed.
func runCommand(ctx context.Context, s *session.Session, row *command, typed string, args []string) error {
	u := row.usage("docker " + typed)
	p, err := cmd.Parse(u, args)
	if errors.Is(err, cmd.ErrHelp) {
		u.Help(s.Out)
		return nil
	}
	if err != nil {
		return err
	}
	err = s.Guard(ctx, p, row.run)
	var exit *cmd.Exit
	if err == nil || errors.As(err, &exit) {
		return err
	}
	return &cmd.Exit{Code: 1, Err: s.Advise(err)}
}

// unknown reports a word that is not a command, and suggests the nearest one.
func unknown(path, word string, names []string, usage string) error {
	text := fmt.Sprintf("docker: unknown command: %s %s\n", path, word)
	if near := cmd.Nearest(word, names); near != "" {
		text += fmt.Sprintf("\nDid you mean: %s %s\n", path, near)
	}
	return &cmd.Exit{Code: 1, Err: fmt.Errorf("%s%s\nRun '%s --help' for more information", text, usage, path)}
}

// groupCommand handles `docker NOUN ...` without a known verb.
func groupCommand(s *session.Session, g *group, rest []string) error {
	if len(rest) == 0 || rest[0] == "--help" || rest[0] == "-h" {
		groupHelp(s, s.Out, g)
		return nil
	}
	if strings.HasPrefix(rest[0], "-") {
		_, err := cmd.Parse(&cmd.Usage{Path: "docker " + g.name, Max: -1, First: true}, rest)
		return err
	}
	return unknown("docker "+g.name, rest[0], verbsOf(g.name), fmt.Sprintf("\nUsage:  docker %s\n", g.name))
}

// helpCommand implements `docker help [COMMAND...]`.
func helpCommand(s *session.Session, words []string) error {
	if len(words) == 0 {
		topHelp(s, s.Out)
		return nil
	}
	if row, n := find(words); row != nil && n == len(words) {
		u := row.usage("docker " + strings.Join(words, " "))
		u.Help(s.Out)
		return nil
	}
	if g := findGroup(words[0]); g != nil && len(words) == 1 {
		groupHelp(s, s.Out, g)
		return nil
	}
	return &cmd.Exit{Code: 1, Err: fmt.Errorf("unknown help topic: %s", strings.Join(words, " "))}
}
