package volume

import (
	"context"
	"reflect"

	"github.com/moby/moby/api/types/volume"

	"box/personalities/cmd"
	"box/personalities/docker/inspect"
	"box/personalities/docker/session"
)

// Inspect is `docker volume inspect`.
type Inspect struct{ inspect.Flags }

// Run implements session.Runner.
func (c *Inspect) Run(ctx context.Context, s *session.Session, p *cmd.Parsed) error {
	api, err := s.Client()
	if err != nil {
		return err
	}
	return inspect.Objects(s, p.Args, c.Format, func(name string) (inspect.Found, error) {
		raw, err := api.VolumeInspect(ctx, name)
		return inspect.Found{Raw: raw, Shape: reflect.TypeFor[volume.Volume](), Strict: true}, err
	})
}
