package container

import (
	"context"
	"errors"
	"fmt"

	"box/personalities/cmd"
	"box/personalities/docker/session"
	"box/personalities/docker/stream"
)

// Start is `docker container start`.
type Start struct {
	Attach        bool   `short:"a" help:"Attach output and forward signals"`
	Checkpoint    string `help:"Start from this checkpoint"`
	CheckpointDir string `help:"Folder with checkpoints"`
	DetachKeys    string `help:"Key sequence for detaching from the container"`
	Interactive   bool   `short:"i" help:"Attach standard input"`
}

// Run implements session.Runner.
func (c *Start) Run(ctx context.Context, s *session.Session, p *cmd.Parsed) error {
	if c.Checkpoint != "" || c.CheckpointDir != "" {
		return errors.New("this client does not support checkpoints: omit --checkpoint")
	}
	if !c.Attach && !c.Interactive {
		return startEach(ctx, s, p.Args)
	}
	if len(p.Args) > 1 {
		return errors.New("you cannot start and attach multiple containers at once")
	}
	state, err := stream.State(ctx, s, p.Args[0])
	if err != nil {
		return err
	}
	err = stream.AttachTo(ctx, s, state.ID, state,
		stream.AttachOptions{Stdin: c.Interactive && state.Config.OpenStdin, Keys: c.DetachKeys, Proxy: true,
			Start: true})
	if errors.Is(err, stream.ErrDetached) {
		return nil
	}
	return err
}

// startEach starts containers one after another, and at the end names those that failed in one error.
func startEach(ctx context.Context, s *session.Session, ids []string) error {
	api, err := s.Client()
	if err != nil {
		return err
	}
	var failed []string
	for _, id := range ids {
		if err := api.ContainerStart(ctx, id, ""); err != nil {
			s.Complain(err)
			failed = append(failed, id)
			continue
		}
		fmt.Fprintln(s.Out, id)
	}
	if len(failed) > 0 {
		text := ""
		for i, id := range failed {
			if i > 0 {
				text += ", "
			}
			text += id
		}
		return fmt.Errorf("Error: failed to start containers: %s", text)
	}
	return nil
}
