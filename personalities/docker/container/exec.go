package container

import (
	"context"
	"fmt"

	"github.com/moby/moby/api/types/container"

	"box/personalities/cmd"
	"box/personalities/docker/run"
	"box/personalities/docker/session"
	"box/personalities/docker/stream"
)

// Exec is `docker container exec`.
type Exec struct {
	Detach      bool     `short:"d" help:"Run in the background"`
	DetachKeys  string   `help:"Key sequence for detaching from the container"`
	Env         []string `short:"e" type:"variable" help:"Set an environment variable: NAME=VALUE, or NAME for the client's value"`
	EnvFile     []string `help:"Read environment variables from a file"`
	Interactive bool     `short:"i" help:"Send standard input to the command"`
	Privileged  bool     `help:"Give the command all capabilities"`
	TTY         bool     `short:"t" help:"Allocate a terminal"`
	User        string   `short:"u" help:"User and group: name or ID[:group]"`
	Workdir     string   `short:"w" help:"Working directory in the container"`
}

// Run implements session.Runner.
func (f *Exec) Run(ctx context.Context, s *session.Session, p *cmd.Parsed) error {
	return f.run(ctx, s, p.Args[0], p.Args[1:])
}

func (f *Exec) run(ctx context.Context, s *session.Session, id string, command []string) error {
	env, err := run.Variables(s, f.EnvFile, f.Env)
	if err != nil {
		return err
	}
	if _, in := session.Terminal(s.In); f.TTY && f.Interactive && !f.Detach && !in {
		return stream.ErrNoTerminal()
	}
	api, err := s.Client()
	if err != nil {
		return err
	}
	body := container.ExecCreateRequest{User: f.User, Privileged: f.Privileged, Tty: f.TTY, Env: env,
		WorkingDir: f.Workdir, Cmd: command,
		DetachKeys: stream.DetachKeys(s, f.DetachKeys)}
	if !f.Detach {
		body.AttachStdin, body.AttachStdout, body.AttachStderr = f.Interactive, true, true
	}
	start := container.ExecStartRequest{Detach: f.Detach, Tty: f.TTY}
	if h, w, ok := stream.Size(s); ok && f.TTY && !f.Detach {
		body.ConsoleSize = &[2]uint{uint(h), uint(w)}
		start.ConsoleSize = body.ConsoleSize
	}
	exec, err := api.ExecCreate(ctx, id, body)
	if err != nil {
		return err
	}
	if f.Detach {
		return api.ExecStart(ctx, exec, start)
	}
	conn, err := api.ExecAttach(ctx, exec, start)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	st := &stream.Stream{Conn: conn, TTY: f.TTY, Out: s.Out, Err: s.Err, Keys: body.DetachKeys}
	if err := st.Open(s, f.Interactive); err != nil {
		return err
	}
	defer st.Close()
	if f.TTY {
		defer stream.FollowSize(s, func(height, width int) error { return api.ExecResize(ctx, exec, height, width) })()
	}
	err = st.Run()
	if ctx.Err() != nil {
		return &cmd.Exit{} // the command goes on without this client, which is no failure of its own
	}
	if err != nil {
		return err
	}
	return execCode(ctx, s, exec)
}

// execCode asks the daemon for the exit code, since the stream does not carry it.
func execCode(ctx context.Context, s *session.Session, exec string) error {
	state, err := s.API.ExecInspect(ctx, exec)
	if err != nil {
		return fmt.Errorf("ask for the exit code: %w", err)
	}
	if state.ExitCode == nil || *state.ExitCode == 0 {
		return nil
	}
	return &cmd.Exit{Code: *state.ExitCode}
}
