package image

import (
	"context"
	"reflect"

	"github.com/moby/moby/api/types/image"

	"box/personalities/cmd"
	"box/personalities/docker/inspect"
	"box/personalities/docker/session"
)

// Inspect is `docker image inspect`.
type Inspect struct {
	inspect.Flags
	Platform string `help:"Platform, if the image has several"`
}

// Run implements session.Runner.
func (c *Inspect) Run(ctx context.Context, s *session.Session, p *cmd.Parsed) error {
	if c.Platform == "" {
		return inspect.Kind(ctx, s, "image", p.Args, c.Format, false)
	}
	api, err := s.Client()
	if err != nil {
		return err
	}
	return inspect.Objects(s, p.Args, c.Format, func(name string) (inspect.Found, error) {
		wanted, err := platformsJSON([]string{c.Platform})
		if err != nil {
			return inspect.Found{}, err
		}
		raw, err := api.ImageInspect(ctx, name, wanted[0])
		return inspect.Found{Raw: raw, Shape: reflect.TypeFor[image.InspectResponse]()}, err
	})
}
