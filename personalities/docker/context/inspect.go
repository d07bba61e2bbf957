package context

import (
	"context"
	"encoding/json"
	"reflect"

	"box/personalities/cmd"
	"box/personalities/docker/inspect"
	"box/personalities/docker/session"
	"box/personalities/docker/values"
)

// Inspect has the flags of `docker context inspect`.
type Inspect struct {
	Format string `short:"f" help:"json, or a Go template"`
}

// Run is `docker context inspect`.
func (c *Inspect) Run(_ context.Context, s *session.Session, p *cmd.Parsed) error {
	names := p.Args
	if len(names) == 0 {
		current, err := s.CurrentContext()
		if err != nil {
			return err
		}
		names = []string{current}
	}
	return inspect.Objects(s, names, c.Format, func(name string) (json.RawMessage, reflect.Type, error) {
		v, err := inspectContext(s, name)
		if err != nil {
			return nil, nil, err
		}
		raw, err := json.Marshal(v)
		return raw, reflect.TypeFor[contextInspection](), err
	})
}

// contextInspection is what `context inspect` prints, in Docker's order.
type contextInspection struct {
	Name        string
	Metadata    map[string]any
	Endpoints   map[string]json.RawMessage
	TLSMaterial map[string][]string
	Storage     map[string]string
}

func inspectContext(s *session.Session, name string) (*contextInspection, error) {
	store := s.Contexts()
	v := &contextInspection{Name: name, TLSMaterial: map[string][]string{}, Storage: storage(store, name)}
	c := &session.StoredContext{Name: name, Metadata: map[string]any{}}
	var files map[string][]byte
	if name == session.DefaultContext {
		e, material, err := endpointFrom(s, name)
		if err != nil {
			return nil, err
		}
		c.SetDocker(e)
		files = material
	} else {
		var err error
		if c, err = s.Contexts().Get(name); err != nil {
			return nil, err
		}
		if files, err = s.Contexts().TLSFiles(name); err != nil {
			return nil, err
		}
	}
	v.Metadata, v.Endpoints = c.Metadata, c.Endpoints
	if len(files) > 0 {
		v.TLSMaterial["docker"] = values.SortedKeys(files)
	}
	return v, nil
}
