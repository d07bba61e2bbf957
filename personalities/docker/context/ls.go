package context

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"box/personalities/cmd"
	"box/personalities/docker/session"
	"box/personalities/docker/table"
)

func contextListing() *table.Listing {
	return &table.Listing{Standard: []table.Column{{"Name", "NAME", "{{.Name}}{{if .Current}} *{{end}}"},
		{"Description", "DESCRIPTION"},
		{"DockerEndpoint", "DOCKER ENDPOINT"}, {"Error", "ERROR"}}}
}

// Ls is `docker context ls`.
type Ls struct {
	Format string `help:"${format}"`
	Quiet  bool   `short:"q" help:"Print names only"`
}

// Run implements session.Runner.
func (o *Ls) Run(_ context.Context, s *session.Session, _ *cmd.Parsed) error {
	current, err := s.CurrentContext()
	if err != nil {
		return err
	}
	list, err := s.Contexts().List()
	if err != nil {
		return err
	}
	if o.Quiet {
		o.Format = "{{.Name}}"
	}
	rows := []*row{{listed{session.DefaultContext, "Current DOCKER_HOST based configuration", s.FlagHost(), "",
		current == session.DefaultContext}}}
	known := current == session.DefaultContext
	for _, c := range list {
		e, err := c.Docker()
		said := ""
		if err != nil {
			said = err.Error()
		}
		known = known || c.Name == current
		rows = append(rows, &row{listed{c.Name, c.Description(), e.Host, said, c.Name == current}})
	}
	if !known {
		said := ""
		if _, err := s.Contexts().Get(current); err != nil {
			said = err.Error()
		}
		rows = append(rows, &row{listed{current, "", "", said, true}})
	}
	slices.SortStableFunc(rows, func(a, b *row) int { return cmp.Compare(a.of.name, b.of.name) })
	if err := table.Print(s, s.Out, contextListing(), o.Format, rows); err != nil {
		return err
	}
	if s.Env.Getenv("DOCKER_HOST") != "" && !o.Quiet {
		fmt.Fprintln(s.Err, "Warning: DOCKER_HOST environment variable overrides the active context. To use a context, "+
			"either set the global --context flag, or unset DOCKER_HOST environment variable.")
	}
	return nil
}

// row is a context in `docker context ls`; --format may call its methods.
type row struct{ of listed }

// listed is a context, or the error of reading it.
type listed struct {
	name, description, host, said string
	current                       bool
}

// Name returns the name of the context.
func (r *row) Name() string { return r.of.name }

// Description returns the description of the context.
func (r *row) Description() string { return r.of.description }

// DockerEndpoint returns the address of the daemon.
func (r *row) DockerEndpoint() string { return r.of.host }

// Error returns why the context cannot be used.
func (r *row) Error() string { return r.of.said }

// Current tells whether the context is in use.
func (r *row) Current() bool { return r.of.current }

// storage returns the paths of a context's files.
func storage(t session.ContextStore, name string) map[string]string {
	if name == session.DefaultContext {
		return map[string]string{"MetadataPath": "<IN MEMORY>", "TLSPath": "<IN MEMORY>"}
	}
	return map[string]string{"MetadataPath": filepath.Clean(t.Meta(name)), "TLSPath": filepath.Clean(t.TLS(name))}
}
