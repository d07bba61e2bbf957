package docker

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/docker/go-units"
	"github.com/moby/moby/api/types/container"

	"box/netapi/client"
	"box/personalities/cmd"
)

// containerLs is `docker container ls`.
type containerLs struct {
	All     bool    `short:"a" help:"Those that have ended, too"`
	Filter  filters `short:"f" placeholder:"filter" help:"Only those that match: status=..., name=..., label=..."`
	Format  string  `help:"${format}"`
	Last    int     `short:"n" default:"-1" help:"The last ones made, whatever their state"`
	Latest  bool    `short:"l" help:"The last one made, whatever its state"`
	NoTrunc bool    `help:"Whole IDs and commands"`
	Quiet   bool    `short:"q" help:"IDs only"`
	Size    bool    `short:"s" help:"Show sizes"`
}

func psListing(size bool) *listing {
	l := &listing{
		setting:  "psFormat",
		flexible: []string{"Command", "Image", "Ports"}, optional: []string{"Command", "RunningFor", "Ports"},
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

func (f *containerLs) Run(ctx context.Context, s *session, _ *cmd.Parsed) error {
	api, err := s.client()
	if err != nil {
		return err
	}
	o := client.ListContainers{All: f.All, Size: f.Size || strings.Contains(f.Format, ".Size") || strings.Contains(f.Format, "json ."), Filters: client.Filters(f.Filter), Limit: f.Last}
	if f.Latest && f.Last < 1 {
		o.Limit = 1
	}
	list, err := api.ContainerList(ctx, o)
	if err != nil {
		return err
	}
	if f.Quiet && f.Format == "" {
		for _, c := range list {
			fmt.Fprintln(s.out, cutID(c.ID, f.NoTrunc))
		}
		return nil
	}
	var rows []row
	for i := range list {
		rows = append(rows, containerRow(&list[i], f.NoTrunc))
	}
	return psListing(f.Size).print(s, s.out, f.Format, rows)
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

// portText lists ports. Neighbours that are not published, or published under their own number at one
// address, are one range; ports published under another number come last, one by one.
func portText(ports []container.PortSummary) string {
	sort.Slice(ports, func(i, j int) bool { return slices.Compare(portKey(ports[i]), portKey(ports[j])) < 0 })
	type run struct {
		ip          netip.Addr
		proto       string
		first, last uint16
	}
	var closed, moved []string
	var open []*run
	for _, p := range ports {
		if p.IP.IsValid() && p.PublicPort != p.PrivatePort {
			moved = append(moved, fmt.Sprintf("%s->%d/%s", netip.AddrPortFrom(p.IP, p.PublicPort), p.PrivatePort, p.Type))
			continue
		}
		i := slices.IndexFunc(open, func(r *run) bool { return r.ip == p.IP && r.proto == p.Type })
		switch {
		case i < 0:
			open = append(open, &run{p.IP, p.Type, p.PrivatePort, p.PrivatePort})
		case open[i].last+1 == p.PrivatePort:
			open[i].last = p.PrivatePort
		default:
			closed = append(closed, runText(open[i].ip, open[i].proto, open[i].first, open[i].last))
			open[i].first, open[i].last = p.PrivatePort, p.PrivatePort
		}
	}
	for _, r := range open {
		closed = append(closed, runText(r.ip, r.proto, r.first, r.last))
	}
	return strings.Join(append(closed, moved...), ", ")
}

func runText(ip netip.Addr, proto string, first, last uint16) string {
	ports := span(first, last)
	if !ip.IsValid() {
		return ports + "/" + proto
	}
	return net.JoinHostPort(ip.String(), ports) + "->" + ports + "/" + proto
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
