package container

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/moby/moby/api/types/container"

	"box/netapi/client"
	"box/personalities/cmd"
	"box/personalities/docker/session"
	"box/personalities/docker/table"
	"box/personalities/docker/values"
)

// Ls has the flags of `docker container ls`.
type Ls struct {
	All     bool           `short:"a" help:"Those that have ended, too"`
	Filter  values.Filters `short:"f" placeholder:"filter" help:"Only those that match: status=..., name=..., label=..."`
	Format  string         `help:"${format}"`
	Last    int            `short:"n" default:"-1" help:"The last ones made, whatever their state"`
	Latest  bool           `short:"l" help:"The last one made, whatever its state"`
	NoTrunc bool           `help:"Whole IDs and commands"`
	Quiet   bool           `short:"q" help:"IDs only"`
	Size    bool           `short:"s" help:"Show sizes"`
}

func psListing(size bool) *table.Listing {
	l := &table.Listing{
		Setting:  "psFormat",
		Flexible: []string{"Command", "Image", "Ports"}, Optional: []string{"Command", "RunningFor", "Ports"},
		Standard: []table.Column{{"ID", "CONTAINER ID"}, {"Image", "IMAGE"}, {"Command", "COMMAND"},
			{"RunningFor", "CREATED"},
			{"Status", "STATUS"}, {"Ports", "PORTS"}, {"Names", "NAMES"}},
		Others: []table.Column{{"CreatedAt", "CREATED AT"}, {"Platform", "PLATFORM"}, {"State", "STATE"},
			{"Labels", "LABELS"},
			{"Mounts", "MOUNTS"}, {"LocalVolumes", "LOCAL VOLUMES"}, {"Networks", "NETWORKS"}},
	}
	if size {
		l.Standard = append(l.Standard, table.Column{"Size", "SIZE"})
	} else {
		l.Others = append(l.Others, table.Column{"Size", "SIZE"})
	}
	return l
}

// Run is `docker container ls`.
func (f *Ls) Run(ctx context.Context, s *session.Session, _ *cmd.Parsed) error {
	api, err := s.Client()
	if err != nil {
		return err
	}
	o := client.ListContainers{All: f.All, Size: f.Size || strings.Contains(f.Format, ".Size") ||
		strings.Contains(f.Format, "json ."), Filters: client.Filters(f.Filter), Limit: f.Last}
	if f.Latest && f.Last < 1 {
		o.Limit = 1
	}
	list, err := api.ContainerList(ctx, o)
	if err != nil {
		return err
	}
	if f.Quiet && f.Format == "" {
		for _, c := range list {
			fmt.Fprintln(s.Out, table.CutID(c.ID, f.NoTrunc))
		}
		return nil
	}
	var rows []table.Row
	for i := range list {
		rows = append(rows, RowOf(&list[i], f.NoTrunc))
	}
	return psListing(f.Size).Print(s, s.Out, f.Format, rows)
}

// RowOf is a container as ps shows it.
func RowOf(c *container.Summary, whole bool) table.Row {
	command := strconv.Quote(c.Command)
	if !whole {
		command = strconv.Quote(table.Ellipsis(c.Command, 20))
	}
	var mounts []string
	volumes := 0
	for _, m := range c.Mounts {
		name := m.Name
		if name == "" {
			name = m.Source
		}
		if m.Driver == "local" {
			volumes++
		}
		if !whole {
			name = table.Ellipsis(name, 15)
		}
		mounts = append(mounts, name)
	}
	var networks []string
	if c.NetworkSettings != nil {
		for name := range c.NetworkSettings.Networks {
			networks = append(networks, name)
		}
		slices.Sort(networks)
	}
	return table.Row{
		Label: func(name string) string { return c.Labels[name] },
		Fields: map[string]any{
			"ID": table.CutID(c.ID, whole), "Names": Names(c.Names, whole), "Image": shownImage(c, whole),
			"Command":   command,
			"CreatedAt": time.Unix(c.Created, 0).String(), "RunningFor": table.Ago(c.Created), "Platform": nil,
			"Ports": portText(c.Ports), "State": string(c.State), "Status": c.Status, "Size": containerSize(c),
			"Labels": table.LabelText(c.Labels), "Mounts": strings.Join(mounts, ","),
			"LocalVolumes": strconv.Itoa(volumes),
			"Networks":     strings.Join(networks, ","),
		},
	}
}

// Names leaves out the slash, and without --no-trunc the names that links gave.
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

// shownImage is the name that the container was made from, or an ID when the name has moved on.
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

func containerSize(c *container.Summary) string {
	text := table.SizeText(c.SizeRw)
	if c.SizeRootFs > 0 {
		text += fmt.Sprintf(" (virtual %s)", table.SizeText(c.SizeRootFs))
	}
	return text
}
