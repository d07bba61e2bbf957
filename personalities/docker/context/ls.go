package context

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"box/personalities/cmd"
	"box/personalities/docker/session"
	"box/personalities/docker/table"
)

func contextListing() *table.Listing {
	return &table.Listing{Standard: []table.Column{{"Name", "NAME"}, {"Description", "DESCRIPTION"},
		{"DockerEndpoint", "DOCKER ENDPOINT"}, {"Error", "ERROR"}},
		Others: []table.Column{{"Current", "CURRENT"}}}
}

// Ls has the flags of `docker context ls`.
type Ls struct {
	Format string `help:"${format}"`
	Quiet  bool   `short:"q" help:"Names only"`
}

// Run is `docker context ls`.
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
	mark := o.Format == "" || strings.HasPrefix(o.Format, "table")
	rows := []table.Row{contextRow(session.DefaultContext, "Current DOCKER_HOST based configuration", s.FlagHost(), "",
		current, mark)}
	known := current == session.DefaultContext
	for _, c := range list {
		e, err := c.Docker()
		said := ""
		if err != nil {
			said = err.Error()
		}
		known = known || c.Name == current
		rows = append(rows, contextRow(c.Name, c.Description(), e.Host, said, current, mark))
	}
	if !known {
		said := ""
		if _, err := s.Contexts().Get(current); err != nil {
			said = err.Error()
		}
		rows = append(rows, contextRow(current, "", "", said, current, mark))
	}
	slices.SortStableFunc(rows, func(a, b table.Row) int { return cmp.Compare(a.Fields["Name"].(string), b.Fields["Name"].(string)) })
	if err := contextListing().Print(s, s.Out, o.Format, rows); err != nil {
		return err
	}
	if s.Env.Getenv("DOCKER_HOST") != "" && !o.Quiet {
		fmt.Fprintln(s.Err, "Warning: DOCKER_HOST environment variable overrides the active context. To use a context, either set the global --context flag, or unset DOCKER_HOST environment variable.")
	}
	return nil
}

// contextRow is one line; the table marks the current one.
func contextRow(name, description, host, said, current string, mark bool) table.Row {
	shown := name
	if mark && name == current {
		shown += " *"
	}
	return table.Row{Fields: map[string]any{"Name": shown, "Description": description, "DockerEndpoint": host,
		"Error": said, "Current": name == current}}
}

// storage is where the files of a context are, for an inspection.
func storage(t session.ContextStore, name string) map[string]string {
	if name == session.DefaultContext {
		return map[string]string{"MetadataPath": "<IN MEMORY>", "TLSPath": "<IN MEMORY>"}
	}
	return map[string]string{"MetadataPath": filepath.Clean(t.Meta(name)), "TLSPath": filepath.Clean(t.TLS(name))}
}
