package container

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"

	"box/personalities/cmd"
	"box/personalities/docker/session"
)

// Top is `docker container top`.
type Top struct{}

// Run implements session.Runner.
func (*Top) Run(ctx context.Context, s *session.Session, p *cmd.Parsed) error {
	api, err := s.Client()
	if err != nil {
		return err
	}
	list, err := api.ContainerTop(ctx, p.Args[0], strings.Join(p.Args[1:], " "))
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(s.Out, 20, 1, 3, ' ', 0)
	fmt.Fprintln(w, strings.Join(list.Titles, "\t"))
	for _, process := range list.Processes {
		fmt.Fprintln(w, strings.Join(process, "\t"))
	}
	return w.Flush()
}
