package stream

import (
	"fmt"

	"box/netapi/client"
	"box/personalities/cmd"
	"box/personalities/docker/session"
)

// Finish streams until the program ends and returns its exit code as an *cmd.Exit, or ErrDetached.
func Finish(s *session.Session, st *Stream, wait *client.Wait) error {
	if err := st.Run(); err != nil {
		wait.Close()
		return err
	}
	result, err := wait.Result()
	switch {
	case err != nil:
		return &cmd.Exit{Code: 125, Err: fmt.Errorf("error waiting for container: %w", err)}
	case result.Error != nil:
		return &cmd.Exit{Code: 125, Err: fmt.Errorf("error waiting for container: %s", result.Error.Message)}
	case result.StatusCode != 0:
		return &cmd.Exit{Code: int(result.StatusCode)}
	}
	return nil
}
