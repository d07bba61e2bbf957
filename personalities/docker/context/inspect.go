package context

import (
	"context"
	"encoding/json"

	"box/personalities/cmd"
	"box/personalities/docker/inspect"
	"box/personalities/docker/session"
	"box/personalities/docker/values"
)

// Inspect is `docker context inspect`.
type Inspect struct {
	Format string `short:"f" help:"json, or a Go template"`
}

// Run implements session.Runner.
func (c *Inspect) Run(_ context.Context, s *session.Session, p *cmd.Parsed) error {
	names := p.Args
	if len(names) == 0 {
		current, err := s.CurrentContext()
		if err != nil {
			return err
		}
		names = []string{current}
	}
	return inspect.Objects(s, names, c.Format, func(name string) (inspect.Found, error) {
		v, _, err := inspectContext(s, name)
		if err != nil {
			return inspect.Found{}, err
		}
		raw, err := json.Marshal(v)
		return inspect.Found{Raw: raw, Typed: v}, err
	})
}

// contextInspection is the output of `context inspect`, with keys in Docker's order.
type contextInspection struct {
	Name        string
	Metadata    metadata
	Endpoints   map[string]any
	TLSMaterial map[string][]string
	Storage     map[string]string
}

// metadata is the metadata of a context.
type metadata map[string]any

// MarshalJSON escapes <, > and & wherever the value is printed, as Docker does.
func (m metadata) MarshalJSON() ([]byte, error) { return json.Marshal(map[string]any(m)) }

// inspectContext returns a context as it is shown and as it is stored.
func inspectContext(s *session.Session, name string) (*contextInspection, *session.StoredContext, error) {
	store := s.Contexts()
	v := &contextInspection{Name: name, TLSMaterial: map[string][]string{}, Storage: storage(store, name)}
	c := &session.StoredContext{Name: name, Metadata: map[string]any{}}
	var files map[string][]byte
	if name == session.DefaultContext {
		e, material, err := endpointFrom(s, name)
		if err != nil {
			return nil, nil, err
		}
		c.SetDocker(e)
		files = material
	} else {
		var err error
		if c, err = s.Contexts().Get(name); err != nil {
			return nil, nil, err
		}
		if files, err = s.Contexts().TLSFiles(name); err != nil {
			return nil, nil, err
		}
	}
	v.Metadata, v.Endpoints = c.Metadata, map[string]any{}
	for name, raw := range c.Endpoints {
		v.Endpoints[name] = raw
	}
	if e, err := c.Docker(); err == nil {
		v.Endpoints["docker"] = e
	}
	if len(files) > 0 {
		v.TLSMaterial["docker"] = values.SortedKeys(files)
	}
	return v, c, nil
}
