package container

import (
	"context"
	"fmt"

	"github.com/moby/moby/api/types/container"

	"box/netapi/client"
	"box/personalities/cmd"
	"box/personalities/docker/session"
)

// Wait is `docker container wait`.
type Wait struct{}

// Run implements session.Runner.
func (*Wait) Run(ctx context.Context, s *session.Session, p *cmd.Parsed) error {
	api, err := s.Client()
	if err != nil {
		return err
	}
	failed := false
	for _, id := range p.Args {
		code, err := waitFor(ctx, api, id)
		if err != nil {
			failed = true
			s.Complain(err)
			continue
		}
		fmt.Fprintln(s.Out, code)
	}
	return s.Partial(failed)
}

func waitFor(ctx context.Context, api *client.Client, id string) (int64, error) {
	wait, err := api.ContainerWait(ctx, id, container.WaitConditionNotRunning)
	if err != nil {
		return 0, err
	}
	result, err := wait.Result()
	return result.StatusCode, err
}
