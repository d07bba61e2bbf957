package image

import (
	"context"
	"fmt"

	"box/personalities/cmd"
	"box/personalities/docker/session"
)

// Rm is `docker image rm`.
type Rm struct {
	Force    bool     `short:"f" help:"Remove the image even if stopped containers use it"`
	NoPrune  bool     `help:"Keep parent images without a name"`
	Platform []string `placeholder:"strings" help:"Remove only these platforms of the image"`
}

// Run implements session.Runner.
func (c *Rm) Run(ctx context.Context, s *session.Session, p *cmd.Parsed) error {
	api, err := s.Client()
	if err != nil {
		return err
	}
	wanted, err := platformsJSON(c.Platform)
	if err != nil {
		return err
	}
	failed := false
	for _, name := range p.Args {
		removed, err := api.ImageRemove(ctx, name, c.Force, c.NoPrune, wanted)
		if err != nil {
			s.Complain(err)
			failed = failed || !c.Force || !session.IsMissing(err)
			continue
		}
		for _, r := range removed {
			if r.Deleted != "" {
				fmt.Fprintf(s.Out, "Deleted: %s\n", r.Deleted)
			} else {
				fmt.Fprintf(s.Out, "Untagged: %s\n", r.Untagged)
			}
		}
	}
	return s.Partial(failed)
}
