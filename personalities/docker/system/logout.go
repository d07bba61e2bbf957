package system

import (
	"context"
	"fmt"
	"maps"

	"box/personalities/cmd"
	"box/personalities/docker/session"
)

// Logout is `docker logout`.
type Logout struct{}

// Run implements session.Runner.
func (*Logout) Run(_ context.Context, s *session.Session, p *cmd.Parsed) error {
	server, shown := session.Hub, session.Hub
	if len(p.Args) > 0 && p.Args[0] != "docker.io" {
		server = registryHost(p.Args[0])
		shown = server
	}
	set, err := s.Config()
	if err != nil {
		return err
	}
	fmt.Fprintf(s.Out, "Removing login credentials for %s\n", shown)
	if _, ok := set.Auths[server]; !ok {
		return nil
	}
	auths := maps.Clone(set.Auths)
	delete(auths, server)
	return s.SaveAuths(auths)
}
