package docker

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/go-units"
	"github.com/moby/moby/api/types/container"

	"box/netapi/client"
	"box/personalities/cmd"
)

type psFlags struct {
	all, latest, noTrunc, quiet, size bool
	last                              int
	format                            string
	filters                           filters
}

func psCommand(u *cmd.Usage) action {
	f := psFlags{last: -1}
	u.Flags = []cmd.Flag{
		{Value: &f.all, Name: "all", Short: "a", Help: "Those that have ended, too"},
		{Value: &f.filters, Name: "filter", Short: "f", Kind: "filter", Help: "Only those that match: status=..., name=..., label=..."},
		{Value: &f.format, Name: "format", Help: formatHelp},
		{Value: &f.last, Name: "last", Short: "n", Help: "The last ones made, whatever their state"},
		{Value: &f.latest, Name: "latest", Short: "l", Help: "The last one made, whatever its state"},
		{Value: &f.noTrunc, Name: "no-trunc", Help: "Whole IDs and commands"},
		{Value: &f.quiet, Name: "quiet", Short: "q", Help: "IDs only"},
		{Value: &f.size, Name: "size", Short: "s", Help: "Show sizes"},
	}
	return f.run
}

func psListing(size bool) *listing {
	l := &listing{
		setting: "psFormat",
		standard: []column{{"ID", "CONTAINER ID"}, {"Image", "IMAGE"}, {"Command", "COMMAND"}, {"RunningFor", "CREATED"},
			{"Status", "STATUS"}, {"Ports", "PORTS"}, {"Names", "NAMES"}},
		others: []column{{"CreatedAt", "CREATED AT"}, {"Platform", "PLATFORM"}, {"State", "STATE"}, {"Labels", "LABELS"},
			{"Mounts", "MOUNTS"}, {"LocalVolumes", "LOCAL VOLUMES"}, {"Networks", "NETWORKS"}},
	}
	if size {
		l.standard = append(l.standard, column{"Size", "SIZE"})
	} else {
		l.others = append(l.others, column{"Size", "SIZE"})
	}
	return l
}

func (f *psFlags) run(ctx context.Context, s *session, _ *cmd.Parsed) error {
	ctx, stop := s.interruptible(ctx)
	defer stop()
	api, err := s.client()
	if err != nil {
		return err
	}
	o := client.ListContainers{All: f.all, Size: f.size || strings.Contains(f.format, ".Size"), Filters: client.Filters(f.filters), Limit: f.last}
	if f.latest && f.last < 1 {
		o.Limit = 1
	}
	list, err := api.ContainerList(ctx, o)
	if err != nil {
		return err
	}
	if f.quiet && f.format == "" {
		for _, c := range list {
			fmt.Fprintln(s.out, cutID(c.ID, f.noTrunc))
		}
		return nil
	}
	var rows []row
	for i := range list {
		rows = append(rows, containerRow(&list[i], f.noTrunc))
	}
	return psListing(f.size).print(s, s.out, f.format, rows)
}

func cutID(id string, whole bool) string {
	if whole {
		return id
	}
	return shortID(id)
}

// containerRow is a container as ps shows it.
func containerRow(c *container.Summary, whole bool) row {
	command := strconv.Quote(c.Command)
	if !whole {
		command = strconv.Quote(ellipsis(c.Command, 20))
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
			name = ellipsis(name, 15)
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
	return row{
		label: func(name string) string { return c.Labels[name] },
		fields: map[string]any{
			"ID": cutID(c.ID, whole), "Names": containerNames(c.Names, whole), "Image": shownImage(c, whole), "Command": command,
			"CreatedAt": time.Unix(c.Created, 0).String(), "RunningFor": ago(c.Created), "Platform": nil,
			"Ports": portText(c.Ports), "State": string(c.State), "Status": c.Status, "Size": containerSize(c),
			"Labels": labelText(c.Labels), "Mounts": strings.Join(mounts, ","), "LocalVolumes": strconv.Itoa(volumes),
			"Networks": strings.Join(networks, ","),
		},
	}
}

// containerNames leaves out the slash, and without --no-trunc the names that links gave.
func containerNames(names []string, whole bool) string {
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
	case shortID(c.ImageID) == shortID(c.Image):
		return shortID(c.Image)
	}
	if name, _, ok := strings.Cut(c.Image, "@"); ok {
		return name
	}
	return c.Image
}

func containerSize(c *container.Summary) string {
	text := sizeText(c.SizeRw)
	if c.SizeRootFs > 0 {
		text += fmt.Sprintf(" (virtual %s)", sizeText(c.SizeRootFs))
	}
	return text
}

// portText lists ports; a run of ports that are published alike is one range.
func portText(ports []container.PortSummary) string {
	type group struct {
		ip         netip.Addr
		proto      string
		first, end uint16
		public     uint16
	}
	slices.SortFunc(ports, func(a, b container.PortSummary) int {
		return slices.Compare(portKey(a), portKey(b))
	})
	var groups []group
	for _, p := range ports {
		if n := len(groups); n > 0 {
			g := &groups[n-1]
			follows := p.PrivatePort == g.end+1 && ((p.PublicPort == 0) == (g.public == 0)) &&
				(g.public == 0 || (p.PublicPort == g.public+(g.end-g.first)+1 && g.public == g.first))
			if g.ip == p.IP && g.proto == p.Type && follows {
				g.end = p.PrivatePort
				continue
			}
		}
		groups = append(groups, group{p.IP, p.Type, p.PrivatePort, p.PrivatePort, p.PublicPort})
	}
	var out []string
	for _, g := range groups {
		private := span(g.first, g.end)
		text := private + "/" + g.proto
		if g.public != 0 {
			public := span(g.public, g.public+g.end-g.first)
			if g.ip.IsValid() {
				text = netip.AddrPort.String(netip.AddrPortFrom(g.ip, 0))
				text = strings.TrimSuffix(text, "0") + public + "->" + private + "/" + g.proto
			} else {
				text = public + "->" + text
			}
		}
		out = append(out, text)
	}
	return strings.Join(out, ", ")
}

// portKey sorts by container port, then host address and port.
func portKey(p container.PortSummary) []string {
	return []string{fmt.Sprintf("%05d", p.PrivatePort), p.IP.String(), fmt.Sprintf("%05d", p.PublicPort), p.Type}
}

func span(first, end uint16) string {
	if first == end {
		return strconv.Itoa(int(first))
	}
	return fmt.Sprintf("%d-%d", first, end)
}

// since is how long a thing has been, for listings that get a time.
func since(t time.Time) string { return units.HumanDuration(time.Since(t)) + " ago" }
