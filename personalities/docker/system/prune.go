package system

import (
	"context"
	"errors"
	"fmt"

	"box/personalities/cmd"
	"box/personalities/docker/prune"
	"box/personalities/docker/session"
	"box/personalities/docker/table"
	"box/personalities/docker/values"
)

// Prune is `docker system prune`.
type Prune struct {
	prune.Flags
	All     bool `short:"a" help:"Remove all unused images, not only those without a name"`
	Volumes bool `help:"Also remove anonymous volumes"`
}

// Run implements session.Runner.
func (c *Prune) Run(ctx context.Context, s *session.Session, _ *cmd.Parsed) error {
	if c.Volumes && len(c.Filter["until"]) > 0 {
		return errors.New(`ERROR: The "until" filter is not supported with "--volumes"`)
	}
	if err := c.Agreed(ctx, s, c.warning()); err != nil {
		return err
	}
	return c.prune(ctx, s)
}

func (c *Prune) warning() string {
	text := "This will remove:\n  - all stopped containers\n  - all networks not used by at least one container\n"
	if c.Volumes {
		text += "  - all anonymous volumes not used by at least one container\n"
	}
	if c.All {
		text += "  - all images without at least one container associated to them\n  - all build cache\n"
	} else {
		text += "  - all dangling images\n  - unused build cache\n"
	}
	if len(c.Filter) == 0 {
		return text
	}
	text += "\n  Items to be pruned will be filtered with:\n"
	for _, name := range values.SortedKeys(c.Filter) {
		for _, value := range c.Filter[name] {
			text += "  - " + name + "=" + value + "\n"
		}
	}
	return text
}

// prune removes containers before the objects that they use.
func (c *Prune) prune(ctx context.Context, s *session.Session) error {
	steps := []prune.Pruned{c.StoppedContainers, c.UnusedNetworks}
	if c.Volumes {
		steps = append(steps, c.UnusedVolumes(false))
	}
	steps = append(steps, c.UnusedImages(c.All), c.BuildCache(c.All))
	total := uint64(0)
	for _, step := range steps {
		removed, freed, err := step(ctx, s)
		if err != nil {
			return err
		}
		total += freed
		if removed != "" {
			fmt.Fprintln(s.Out, removed)
		}
	}
	fmt.Fprintln(s.Out, "Total reclaimed space:", table.SizeOf(int64(total)))
	return nil
}
