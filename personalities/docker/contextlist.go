package docker

import (
	"context"
	"fmt"
	"path/filepath"
	"sort"
	"strings"

	"box/personalities/cmd"
)

func contextListing() *listing {
	return &listing{standard: []column{{"Name", "NAME"}, {"Description", "DESCRIPTION"}, {"DockerEndpoint", "DOCKER ENDPOINT"}, {"Error", "ERROR"}},
		others: []column{{"Current", "CURRENT"}}}
}

// contextLs is `docker context ls`.
type contextLs struct {
	Format string `help:"${format}"`
	Quiet  bool   `short:"q" help:"Names only"`
}

func (o *contextLs) Run(_ context.Context, s *session, _ *cmd.Parsed) error {
	current, err := s.currentContext()
	if err != nil {
		return err
	}
	list, err := s.contexts().list()
	if err != nil {
		return err
	}
	if o.Quiet {
		o.Format = "{{.Name}}"
	}
	mark := o.Format == "" || strings.HasPrefix(o.Format, "table")
	rows := []row{contextRow(defaultContext, "Current DOCKER_HOST based configuration", s.flagHost(), "", current, mark)}
	known := current == defaultContext
	for _, c := range list {
		e, err := c.docker()
		said := ""
		if err != nil {
			said = err.Error()
		}
		known = known || c.Name == current
		rows = append(rows, contextRow(c.Name, c.description(), e.Host, said, current, mark))
	}
	if !known {
		said := ""
		if _, err := s.contexts().get(current); err != nil {
			said = err.Error()
		}
		rows = append(rows, contextRow(current, "", "", said, current, mark))
	}
	sort.SliceStable(rows, func(i, j int) bool { return rows[i].fields["Name"].(string) < rows[j].fields["Name"].(string) })
	if err := contextListing().print(s, s.out, o.Format, rows); err != nil {
		return err
	}
	if s.env.Getenv("DOCKER_HOST") != "" && !o.Quiet {
		fmt.Fprintln(s.errw, "Warning: DOCKER_HOST environment variable overrides the active context. To use a context, either set the global --context flag, or unset DOCKER_HOST environment variable.")
	}
	return nil
}

// contextRow is one line; the table marks the current one.
func contextRow(name, description, host, said, current string, mark bool) row {
	shown := name
	if mark && name == current {
		shown += " *"
	}
	return row{fields: map[string]any{"Name": shown, "Description": description, "DockerEndpoint": host, "Error": said, "Current": name == current}}
}

// storage is where the files of a context are, for an inspection.
func (t contextStore) storage(name string) map[string]string {
	if name == defaultContext {
		return map[string]string{"MetadataPath": "<IN MEMORY>", "TLSPath": "<IN MEMORY>"}
	}
	return map[string]string{"MetadataPath": filepath.Clean(t.meta(name)), "TLSPath": filepath.Clean(t.tls(name))}
}
