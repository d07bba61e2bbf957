package stream

import (
	"context"
	"encoding/json"
	"fmt"

	"box/personalities/docker/session"
)

// containerState is the part of a container's inspection that attach, start, logs and exec use.
type containerState struct {
	ID         string `json:"Id"`
	State      struct{ Running, Paused, Restarting bool }
	Config     struct{ Tty, OpenStdin bool }
	HostConfig struct{ AutoRemove bool }
}

// State inspects a container.
func State(ctx context.Context, s *session.Session, id string) (*containerState, error) {
	api, err := s.Client()
	if err != nil {
		return nil, err
	}
	raw, err := api.ContainerInspect(ctx, id, false)
	if err != nil {
		return nil, err
	}
	var c containerState
	if err := json.Unmarshal(raw, &c); err != nil {
		return nil, fmt.Errorf("read the state of container %s: %w", id, err)
	}
	return &c, nil
}
