package docker

import (
	"context"
	"errors"
	"fmt"
	"sort"

	"github.com/moby/moby/api/types/volume"

	"box/netapi/client"
	"box/personalities/cmd"
)

func volumeListing() *listing {
	return &listing{
		setting:  "volumesFormat",
		standard: []column{{"Driver", "DRIVER"}, {"Name", "VOLUME NAME"}},
		others: []column{{"Scope", "SCOPE"}, {"Mountpoint", "MOUNTPOINT"}, {"Labels", "LABELS"}, {"Links", "LINKS"}, {"Size", "SIZE"},
			{"Group", "GROUP"}, {"Availability", "AVAILABILITY"}, {"Status", "STATUS"}},
	}
}

// volumeLs is `docker volume ls`.
type volumeLs struct {
	Cluster bool    `help:"Cluster volumes only"`
	Filter  filters `short:"f" placeholder:"filter" help:"Only those that match: dangling=..., driver=..., name=..., label=..."`
	Format  string  `help:"${format}"`
	Quiet   bool    `short:"q" help:"Names only"`
}

func (c *volumeLs) Run(ctx context.Context, s *session, _ *cmd.Parsed) error {
	api, err := s.client()
	if err != nil {
		return err
	}
	list, err := api.VolumeList(ctx, client.Filters(c.Filter))
	if err != nil {
		return err
	}
	for _, w := range list.Warnings {
		s.complain(errors.New(w))
	}
	sort.Slice(list.Volumes, func(i, j int) bool { return list.Volumes[i].Name < list.Volumes[j].Name })
	if c.Quiet && c.Format == "" {
		c.Format = "{{.Name}}"
	}
	var rows []row
	for i := range list.Volumes {
		if c.Cluster && list.Volumes[i].ClusterVolume == nil {
			continue
		}
		rows = append(rows, volumeRow(&list.Volumes[i]))
	}
	return volumeListing().print(s, s.out, c.Format, rows)
}

func volumeRow(v *volume.Volume) row {
	links, size := "N/A", "N/A"
	if v.UsageData != nil {
		links, size = fmt.Sprint(v.UsageData.RefCount), sizeOf(v.UsageData.Size)
	}
	return row{
		label: func(name string) string { return v.Labels[name] },
		fields: map[string]any{"Name": v.Name, "Driver": v.Driver, "Scope": v.Scope, "Mountpoint": v.Mountpoint, "Labels": labelText(v.Labels),
			"Links": links, "Size": size, "Group": "N/A", "Availability": "N/A", "Status": "N/A"},
	}
}

// volumeCreate is `docker volume create`.
type volumeCreate struct {
	Driver string   `short:"d" default:"local" help:"Driver"`
	Label  []string `help:"Put a label on it: KEY[=VALUE]"`
	Name   string   `hidden:"" help:"Name"`
	Opt    []string `short:"o" placeholder:"map" help:"Option of the driver: type=..., device=..., o=..."`
}

func (c *volumeCreate) Run(ctx context.Context, s *session, p *cmd.Parsed) error {
	if len(p.Args) == 1 {
		if c.Name != "" {
			return errors.New("conflicting options: cannot specify a volume-name through both --name and as a positional arg")
		}
		c.Name = p.Args[0]
	}
	api, err := s.client()
	if err != nil {
		return err
	}
	v, err := api.VolumeCreate(ctx, volume.CreateRequest{Name: c.Name, Driver: c.Driver, DriverOpts: pairs(c.Opt), Labels: pairs(c.Label)})
	if err == nil {
		fmt.Fprintln(s.out, v.Name)
	}
	return err
}

// volumeRm is `docker volume rm`.
type volumeRm struct {
	Force bool `short:"f" help:"No error for one that does not exist"`
}

func (c *volumeRm) Run(ctx context.Context, s *session, p *cmd.Parsed) error {
	api, err := s.client()
	if err != nil {
		return err
	}
	return s.each(ctx, p.Args, func(ctx context.Context, name string) error { return api.VolumeRemove(ctx, name, c.Force) })
}
