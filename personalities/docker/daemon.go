package docker

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// daemon is `docker daemon`, as the daemon was started before dockerd: this process becomes it, so that its pid and signals stay.
func (s *session) daemon(args []string) error {
	fmt.Fprintln(s.errw, "Command \"daemon\" is deprecated. Please run `dockerd` directly.")
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	// the global flags that both have
	if s.flags.Debug {
		args = append([]string{"--debug"}, args...)
	}
	for _, h := range s.flags.Hosts {
		args = append([]string{"--host", h}, args...)
	}
	return fmt.Errorf("start the daemon: %w", unix.Exec(exe, append([]string{"dockerd"}, args...), os.Environ()))
}
