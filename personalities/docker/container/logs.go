package container

import (
	"context"
	"fmt"
	"io"
	"time"

	"box/netapi/client"
	"box/netapi/wire"
	"box/personalities/cmd"
	"box/personalities/docker/session"
	"box/personalities/docker/stream"
	"box/personalities/docker/values"
)

// Logs is `docker container logs`.
type Logs struct {
	Details    bool   `help:"Show the labels and variables in the log"`
	Follow     bool   `short:"f" help:"Follow the log"`
	Since      string `help:"Show what happened since a time: 2026-01-02T13:23:37Z, or 42m ago"`
	Tail       string `short:"n" default:"all" help:"Number of lines to show from the end"`
	Timestamps bool   `short:"t" help:"Show the time of each line"`
	Until      string `help:"Show what happened before a time: 2026-01-02T13:23:37Z, or 42m ago"`
}

// Run implements session.Runner.
func (f *Logs) Run(ctx context.Context, s *session.Session, p *cmd.Parsed) (err error) {
	o := client.Logs{Stdout: true, Stderr: true, Details: f.Details, Follow: f.Follow, Since: f.Since, Tail: f.Tail,
		Timestamps: f.Timestamps, Until: f.Until}
	for name, at := range map[string]*string{"since": &o.Since, "until": &o.Until} {
		if *at, err = values.Instant(*at, time.Now()); err != nil {
			return fmt.Errorf("invalid value for %q: %w", name, err)
		}
	}
	state, err := stream.State(ctx, s, p.Args[0])
	if err != nil {
		return err
	}
	body, err := s.API.ContainerLogs(ctx, state.ID, o)
	if err != nil {
		return err
	}
	defer body.Close()
	if state.Config.Tty {
		_, err = io.Copy(s.Out, body)
		return err
	}
	return wire.Demux(s.Out, s.Err, body)
}
