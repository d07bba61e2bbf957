package system

import (
	"context"
	"io"

	"box/personalities/cmd"
	"box/personalities/docker/session"
)

// DialStdio is `docker system dial-stdio`, which runs on the remote host of an ssh:// connection.
type DialStdio struct{}

// Run connects standard input and output with the daemon. The end of each direction is passed on by itself.
func (*DialStdio) Run(ctx context.Context, s *session.Session, _ *cmd.Parsed) error {
	api, err := s.Client()
	if err != nil {
		return err
	}
	conn, err := api.Dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	go func() { // ends with the process: nobody can take a read of standard input back
		_, _ = io.Copy(conn, s.In)
		if half, ok := conn.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite()
		}
	}()
	_, err = io.Copy(s.Out, conn)
	return err
}
