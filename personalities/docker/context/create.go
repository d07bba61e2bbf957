package context

import (
	"context"
	"fmt"

	"box/personalities/cmd"
	"box/personalities/docker/session"
)

// Create is `docker context create`.
type Create struct {
	contextFlags
	From string `help:"Copy another context"`
}

// Run implements session.Runner.
func (f *Create) Run(_ context.Context, s *session.Session, p *cmd.Parsed) error {
	name, store := p.Args[0], s.Contexts()
	if err := session.CheckContextName(name); err != nil {
		return err
	}
	if store.Has(name) {
		return fmt.Errorf("context %q already exists", name)
	}
	options, err := dockerOptions(s, f.Docker)
	if err != nil {
		return err
	}
	c := &session.StoredContext{Name: name, Metadata: map[string]any{}}
	if len(options) == 0 {
		if f.From == "" {
			if f.From, err = s.CurrentContext(); err != nil {
				return err
			}
		}
		options["from"] = f.From
	}
	if f.From != "" && f.From != session.DefaultContext {
		source, err := store.Get(f.From)
		if err != nil {
			return err
		}
		c.Metadata = source.Metadata
	}
	e, files, err := endpointOf(s, options)
	if err != nil {
		return err
	}
	c.SetDocker(e)
	if f.Description != "" {
		c.Metadata["Description"] = f.Description
	}
	if err := store.Put(c, files); err != nil {
		return err
	}
	return contextDone(s, name, "created")
}
