package context

import (
	"context"

	"box/personalities/cmd"
	"box/personalities/docker/session"
)

// Update is `docker context update`.
type Update struct {
	contextFlags
}

// Run implements session.Runner.
func (f *Update) Run(_ context.Context, s *session.Session, p *cmd.Parsed) error {
	name, store := p.Args[0], s.Contexts()
	if err := session.CheckContextName(name); err != nil {
		return err
	}
	c, err := store.Get(name)
	if err != nil {
		return err
	}
	if p.Set("description") {
		c.Metadata["Description"] = f.Description
	}
	var files map[string][]byte
	if p.Set("docker") {
		options, err := dockerOptions(s, f.Docker)
		if err != nil {
			return err
		}
		e, given, err := endpointOf(s, options)
		if err != nil {
			return err
		}
		c.SetDocker(e)
		files = given
	}
	if err := store.Put(c, files); err != nil {
		return err
	}
	return contextDone(s, name, "updated")
}
