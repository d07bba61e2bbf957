package container

import (
	"context"
	"fmt"

	"box/netapi/client"
	"box/personalities/cmd"
	"box/personalities/docker/image"
	"box/personalities/docker/session"
)

// Commit is `docker container commit`.
type Commit struct {
	Author  string   `short:"a" help:"Who made it"`
	Change  []string `short:"c" help:"Dockerfile instruction to apply: CMD, ENV, ..."`
	Message string   `short:"m" help:"Comment for the history"`
	NoPause bool     `help:"Let the container run meanwhile"`
	Pause   bool     `short:"p" default:"true" help:"Pause the container meanwhile"`
}

// Run implements session.Runner.
func (c *Commit) Run(ctx context.Context, s *session.Session, p *cmd.Parsed) (err error) {
	o := client.Commit{Container: p.Args[0], Author: c.Author, Changes: c.Change, Comment: c.Message,
		Pause: c.Pause && !c.NoPause}
	if len(p.Args) > 1 && p.Args[1] != "" {
		if o.Repo, o.Tag, err = image.SplitTag(p.Args[1]); err != nil {
			return err
		}
	}
	api, err := s.Client()
	if err != nil {
		return err
	}
	id, err := api.ContainerCommit(ctx, o)
	if err == nil {
		fmt.Fprintln(s.Out, id)
	}
	return err
}
