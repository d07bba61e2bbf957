package docker

import (
	"context"
	"fmt"

	"github.com/moby/moby/api/types/container"

	"box/personalities/cmd"
)

type execFlags struct {
	detach, stdin, tty, privileged bool
	keys, user, workdir            string
	env, envFiles                  []string
}

func execCommand(u *cmd.Usage) action {
	var f execFlags
	u.First = true
	u.Flags = []cmd.Flag{
		{Value: &f.detach, Name: "detach", Short: "d", Help: "Leave it running"},
		{Value: &f.keys, Name: "detach-keys", Help: "Keys that leave it running"},
		{Value: checkedList{&f.env, checkVariable}, Name: "env", Short: "e", Kind: "list", Help: "Set a variable: NAME=VALUE, or NAME to pass yours on"},
		{Value: &f.envFiles, Name: "env-file", Help: "Read variables from a file"},
		{Value: &f.stdin, Name: "interactive", Short: "i", Help: "Send standard input"},
		{Value: &f.privileged, Name: "privileged", Help: "Give the command every capability"},
		{Value: &f.tty, Name: "tty", Short: "t", Help: "Give the command a terminal"},
		{Value: &f.user, Name: "user", Short: "u", Help: "User, or UID, and group: name[:group]"},
		{Value: &f.workdir, Name: "workdir", Short: "w", Help: "Working directory inside"},
	}
	return func(ctx context.Context, s *session, p *cmd.Parsed) error {
		return f.run(ctx, s, p.Args[0], p.Args[1:])
	}
}

func (f *execFlags) run(ctx context.Context, s *session, id string, command []string) error {
	env, err := s.variables(f.envFiles, f.env)
	if err != nil {
		return err
	}
	if _, in := terminal(s.in); f.tty && f.stdin && !f.detach && !in {
		return errNoTerminal()
	}
	api, err := s.client()
	if err != nil {
		return err
	}
	body := container.ExecCreateRequest{User: f.user, Privileged: f.privileged, Tty: f.tty, Env: env, WorkingDir: f.workdir, Cmd: command,
		DetachKeys: s.detachKeys(f.keys)}
	if !f.detach {
		body.AttachStdin, body.AttachStdout, body.AttachStderr = f.stdin, true, true
	}
	start := container.ExecStartRequest{Detach: f.detach, Tty: f.tty}
	if h, w, ok := s.size(); ok && f.tty && !f.detach {
		body.ConsoleSize = &[2]uint{uint(h), uint(w)}
		start.ConsoleSize = body.ConsoleSize
	}
	exec, err := api.ExecCreate(ctx, id, body)
	if err != nil {
		return err
	}
	if f.detach {
		return api.ExecStart(ctx, exec, start)
	}
	conn, err := api.ExecAttach(ctx, exec, start)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	st := &stream{conn: conn, tty: f.tty, out: s.out, errw: s.errw, keys: body.DetachKeys}
	if err := st.open(s, f.stdin); err != nil {
		return err
	}
	defer st.close()
	if f.tty {
		defer s.followSize(func(height, width int) error { return api.ExecResize(ctx, exec, height, width) })()
	}
	err = st.run()
	if ctx.Err() != nil {
		return &cmd.Exit{} // the command goes on without this client, which is no failure of its own
	}
	if err != nil {
		return err
	}
	return s.execCode(ctx, exec)
}

// execCode is how the command ended; a stream carries no exit code.
func (s *session) execCode(ctx context.Context, exec string) error {
	state, err := s.api.ExecInspect(ctx, exec)
	if err != nil {
		return fmt.Errorf("ask for the exit code: %w", err)
	}
	if state.ExitCode == nil || *state.ExitCode == 0 {
		return nil
	}
	return &cmd.Exit{Code: *state.ExitCode}
}
