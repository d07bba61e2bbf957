package container

import (
	"context"
	"fmt"
	"strings"

	"github.com/moby/moby/api/types/container"

	"box/netapi/client"
	"box/personalities/cmd"
	"box/personalities/docker/session"
	"box/personalities/docker/table"
	"box/personalities/docker/values"
)

// Ls is `docker container ls`.
type Ls struct {
	All     bool           `short:"a" help:"Show all containers, also stopped ones"`
	Filter  values.Filters `short:"f" placeholder:"filter" help:"Filter: status=..., name=..., label=..."`
	Format  string         `help:"${format}"`
	Last    int            `short:"n" default:"-1" help:"Show this many of the latest containers, also stopped ones"`
	Latest  bool           `short:"l" help:"Show the latest container, even if it is stopped"`
	NoTrunc bool           `help:"Do not shorten IDs and commands"`
	Quiet   bool           `short:"q" help:"Print IDs only"`
	Size    bool           `short:"s" help:"Show sizes"`
}

func psListing(size bool) *table.Listing {
	l := &table.Listing{
		Setting:  "psFormat",
		Key:      "ID",
		Flexible: []string{"Command", "Image", "Ports"}, Optional: []string{"Command", "RunningFor", "Ports"},
		Standard: []table.Column{{"ID", "CONTAINER ID"}, {"Image", "IMAGE"}, {"Command", "COMMAND"},
			{"RunningFor", "CREATED"},
			{"Status", "STATUS"}, {"Ports", "PORTS"}, {"Names", "NAMES"}},
		Others: []table.Column{{"CreatedAt", "CREATED AT"}, {"Platform", "PLATFORM"}, {"State", "STATE"},
			{"Labels", "LABELS"},
			{"Mounts", "MOUNTS"}, {"LocalVolumes", "LOCAL VOLUMES"}, {"Networks", "NETWORKS"}},
		Raw: "container_id: {{.ID}}\nimage: {{.Image}}\ncommand: {{.Command}}\ncreated_at: {{.CreatedAt}}\n" +
			"state: {{- pad .State 1 0}}\nstatus: {{- pad .Status 1 0}}\nnames: {{.Names}}\n" +
			"labels: {{- pad .Labels 1 0}}\nports: {{- pad .Ports 1 0}}\n",
	}
	if size {
		l.Raw += "size: {{.Size}}\n"
		l.Standard = append(l.Standard, table.Column{"Size", "SIZE"})
	} else {
		l.Others = append(l.Others, table.Column{"Size", "SIZE"})
	}
	return l
}

// Run implements session.Runner.
func (f *Ls) Run(ctx context.Context, s *session.Session, _ *cmd.Parsed) error {
	l := psListing(f.Size)
	f.Format = f.format(s, l)
	size, err := asksSize(f.Format)
	if err != nil {
		return err
	}
	api, err := s.Client()
	if err != nil {
		return err
	}
	o := client.ListContainers{All: f.All, Size: f.Size || size, Filters: client.Filters(f.Filter), Limit: f.Last}
	if f.Latest && f.Last < 1 {
		o.Limit = 1
	}
	list, err := api.ContainerList(ctx, o)
	if err != nil {
		return err
	}
	var rows []*Row
	for i := range list {
		rows = append(rows, RowOf(&list[i], f.NoTrunc))
	}
	return table.Print(s, s.Out, l, f.Format, rows)
}

// format returns the format to use: --quiet takes precedence over all formats but raw.
func (f *Ls) format(s *session.Session, l *table.Listing) string {
	if !f.Quiet {
		return l.Format(s, f.Format)
	}
	if f.Format != "" {
		fmt.Fprintln(s.Err, "WARNING: Ignoring custom format, because both --format and --quiet are set.")
	}
	if f.Format == "raw" {
		return l.Quiet("raw")
	}
	return l.Quiet("")
}

// asksSize runs a format over an empty container to find out whether it prints sizes, which the daemon measures only on
// request.
func asksSize(format string) (bool, error) {
	if format == "" || format == "table" {
		return false, nil
	}
	probe := &Row{c: &container.Summary{}}
	parseErr, err := table.Try(format, probe)
	if parseErr != nil {
		return false, fmt.Errorf("failed to parse template: %w", parseErr)
	}
	if err != nil {
		return false, fmt.Errorf("failed to execute template: %w", err)
	}
	return probe.sizeAsked, nil
}

// Names joins names without their slashes. Unless whole is set, it omits names that were given by links.
func Names(names []string, whole bool) string {
	var out []string
	for _, n := range names {
		n = strings.TrimPrefix(n, "/")
		if whole || !strings.Contains(n, "/") {
			out = append(out, n)
		}
	}
	return strings.Join(out, ",")
}

// shownImage returns the name of the container's image, or its ID if the name belongs to another image today.
func shownImage(c *container.Summary, whole bool) string {
	switch {
	case c.Image == "":
		return "<no image>"
	case whole:
		return c.Image
	case table.ShortID(c.ImageID) == table.ShortID(c.Image):
		return table.ShortID(c.Image)
	}
	if name, _, ok := strings.Cut(c.Image, "@"); ok {
		return name
	}
	return c.Image
}
