package docker

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"box/personalities/docker/session"
)

// daemon implements `docker daemon`, the command before dockerd existed. It replaces this process by dockerd, so that
// the pid stays the same.
func daemon(s *session.Session, args []string) error {
	fmt.Fprintln(s.Err, "Command \"daemon\" is deprecated. Please run `dockerd` directly.")
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	// both commands have these flags
	if s.Flags.Debug {
		args = append([]string{"--debug"}, args...)
	}
	for _, h := range s.Flags.Hosts {
		args = append([]string{"--host", h}, args...)
	}
	return fmt.Errorf("start the daemon: %w", unix.Exec(exe, append([]string{"dockerd"}, args...), os.Environ()))
}
