package container

import (
	"context"
	"errors"

	"box/personalities/cmd"
	"box/personalities/docker/session"
	"box/personalities/docker/stream"
)

// Attach is `docker container attach`.
type Attach struct {
	DetachKeys string `help:"Key sequence for detaching from the container"`
	NoStdin    bool   `help:"Do not send standard input"`
	SigProxy   bool   `default:"true" help:"Forward signals to the program"`
}

// Run implements session.Runner.
func (c *Attach) Run(ctx context.Context, s *session.Session, p *cmd.Parsed) error {
	id := p.Args[0]
	state, err := stream.State(ctx, s, id)
	switch {
	case err != nil:
		return err
	case !state.State.Running:
		return errors.New("You cannot attach to a stopped container, start it first")
	case state.State.Paused:
		return errors.New("You cannot attach to a paused container, unpause it first")
	case state.State.Restarting:
		return errors.New("You cannot attach to a restarting container, wait until it is running")
	}
	return stream.AttachTo(ctx, s, id, state, stream.AttachOptions{Stdin: !c.NoStdin && state.Config.OpenStdin,
		Keys: c.DetachKeys, Proxy: c.SigProxy})
}
