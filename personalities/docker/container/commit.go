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
	Author  string   `short:"a" help:"Author of the image"`
	Change  []string `short:"c" help:"Dockerfile instruction to apply: CMD, ENV, ..."`
	Message string   `short:"m" help:"Comment in the history of the image"`
	NoPause bool     `help:"Do not pause the container during the commit"`
	Pause   bool     `short:"p" default:"true" help:"Pause the container during the commit"`
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
