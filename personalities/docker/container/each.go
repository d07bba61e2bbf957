// Package container is the commands about existing containers, with a file for each verb: `docker stop` is stop.go.
package container

import (
	"context"

	"box/netapi/client"
	"box/personalities/docker/session"
)

// onEach runs a verb on several containers at the same time.
func onEach(ctx context.Context, s *session.Session, ids []string,
	f func(ctx context.Context, api *client.Client, id string) error) error {
	api, err := s.Client()
	if err != nil {
		return err
	}
	return s.Together(ctx, ids, func(ctx context.Context, id string) error { return f(ctx, api, id) })
}
