// Package personalities holds the table of programs in this one file and chooses the one to run.
package personalities

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"box/buildinfo"
	"box/personalities/certs"
	"box/personalities/check"
	"box/personalities/cmd"
	"box/personalities/docker"
	"box/personalities/dockerd"
	"box/personalities/hello"
	"box/personalities/install"
	"box/personalities/keeper"
	"box/personalities/man"
	"box/personalities/pid1"
	"box/personalities/solo"
	"box/personalities/top"
)

// table lists all personalities in the order in which `box` prints them.
func table() []cmd.Command {
	return []cmd.Command{
		docker.Command,
		dockerd.Command,
		certs.Command,
		keeper.Command,
		pid1.Command,
		install.Command,
		check.Command,
		top.Command,
		man.Command(pages),
		hello.Command,
		{Name: "version", Summary: "Print the version of this file", Main: version},
	}
}

// pages collects the pages of the manual.
func pages() []*cmd.Usage {
	return slices.Concat(docker.Pages(), dockerd.Pages(), certs.Pages(), install.Pages(), check.Pages(), top.Pages(),
		man.Pages())
}

// Main runs the personality named by argv0, the name under which the file was started, or else by the first argument.
// It returns the exit code of the process, which is decided nowhere else.
func Main(ctx context.Context, argv0 string, env *cmd.Env) int {
	name := filepath.Base(argv0)
	if len(env.Args) > 0 && env.Args[0] == completing && name != docker.Command.Name {
		if name != dockerd.Command.Name {
			name = "box"
		}
		if complete(ctx, name, env) != nil {
			return 1
		}
		return 0
	}
	command, err := pick(name, env)
	if err == nil {
		if command.Serves {
			solo.All()
		}
		err = command.Main(ctx, env)
	}
	if err == nil {
		return 0
	}
	var exit *cmd.Exit
	if !errors.As(err, &exit) {
		fmt.Fprintf(env.Stderr, "%s: %v\n", command.Name, err)
		return 1
	}
	if exit.Err != nil {
		fmt.Fprintln(env.Stderr, err)
	}
	return exit.Code
}

// pick finds the command, and removes its name from the arguments if that is where it was found.
func pick(name string, env *cmd.Env) (cmd.Command, error) {
	commands := table()
	for _, c := range commands {
		if c.Name == name {
			return c, nil
		}
	}
	if len(env.Args) == 0 {
		return cmd.Command{Main: list}, nil
	}
	name, env.Args = env.Args[0], env.Args[1:]
	switch name {
	case "help", "--help", "-h":
		return cmd.Command{Main: list}, nil
	case "-v", "--version":
		name = "version"
	}
	for _, c := range commands {
		if c.Name == name {
			return c, nil
		}
	}
	return cmd.Command{}, unknown(name, commands)
}

// unknown reports a command that does not exist, and suggests the nearest one.
func unknown(name string, commands []cmd.Command) error {
	var names []string
	for _, c := range commands {
		if !c.Hidden {
			names = append(names, c.Name)
		}
	}
	text := fmt.Sprintf("box: unknown command %q.", name)
	if near := cmd.Nearest(name, names); near != "" {
		text += fmt.Sprintf(" Did you mean: box %s", near)
	} else {
		text += " Run 'box' for the list"
	}
	return &cmd.Exit{Code: 127, Err: errors.New(text)}
}

// list prints the table of personalities.
func list(_ context.Context, env *cmd.Env) error {
	fmt.Fprintln(env.Stdout, "Usage:  box COMMAND [ARG...]\n\nA container daemon and its client in one file.\n\n"+
		"Commands:")
	width := 0
	for _, c := range table() {
		if !c.Hidden {
			width = max(width, len(c.Name))
		}
	}
	for _, c := range table() {
		if !c.Hidden {
			fmt.Fprintf(env.Stdout, "  %-*s   %s\n", width, c.Name, c.Summary)
		}
	}
	_, err := io.WriteString(env.Stdout,
		"\nUnder the name of a command (docker, dockerd, ...) this file is that command.\nRun 'box COMMAND --help' "+
			"for more.\n")
	return err
}

func version(_ context.Context, env *cmd.Env) error {
	_, err := fmt.Fprintf(env.Stdout, "box version %s, %s\n", cmd.Version, buildinfo.Current())
	return err
}
