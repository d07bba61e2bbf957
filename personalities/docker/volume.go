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

func volumeListCommand(u *cmd.Usage) action {
	var f filters
	format, quiet, cluster := "", false, false
	u.Flags = []cmd.Flag{
		{Value: &cluster, Name: "cluster", Help: "Cluster volumes only"},
		{Value: &f, Name: "filter", Short: "f", Kind: "filter", Help: "Only those that match: dangling=..., driver=..., name=..., label=..."},
		{Value: &format, Name: "format", Help: formatHelp},
		{Value: &quiet, Name: "quiet", Short: "q", Help: "Names only"},
	}
	return func(ctx context.Context, s *session, _ *cmd.Parsed) error {
		api, err := s.client()
		if err != nil {
			return err
		}
		list, err := api.VolumeList(ctx, client.Filters(f))
		if err != nil {
			return err
		}
		for _, w := range list.Warnings {
			s.complain(errors.New(w))
		}
		sort.Slice(list.Volumes, func(i, j int) bool { return list.Volumes[i].Name < list.Volumes[j].Name })
		if quiet && format == "" {
			format = "{{.Name}}"
		}
		var rows []row
		for i := range list.Volumes {
			if cluster && list.Volumes[i].ClusterVolume == nil {
				continue
			}
			rows = append(rows, volumeRow(&list.Volumes[i]))
		}
		return volumeListing().print(s, s.out, format, rows)
	}
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

func volumeCreateCommand(u *cmd.Usage) action {
	driver, name := "local", ""
	var options, labels []string
	u.Flags = []cmd.Flag{
		{Value: &driver, Name: "driver", Short: "d", Help: "Driver"},
		{Value: &labels, Name: "label", Help: "Put a label on it: KEY[=VALUE]"},
		{Value: &name, Name: "name", Help: "Name", Hidden: true},
		{Value: &options, Name: "opt", Short: "o", Kind: "map", Help: "Option of the driver: type=..., device=..., o=..."},
	}
	return func(ctx context.Context, s *session, p *cmd.Parsed) error {
		if len(p.Args) == 1 {
			if name != "" {
				return errors.New("conflicting options: cannot specify a volume-name through both --name and as a positional arg")
			}
			name = p.Args[0]
		}
		api, err := s.client()
		if err != nil {
			return err
		}
		v, err := api.VolumeCreate(ctx, volume.CreateRequest{Name: name, Driver: driver, DriverOpts: pairs(options), Labels: pairs(labels)})
		if err == nil {
			fmt.Fprintln(s.out, v.Name)
		}
		return err
	}
}

func volumeRemoveCommand(u *cmd.Usage) action {
	force := false
	u.Flags = []cmd.Flag{{Value: &force, Name: "force", Short: "f", Help: "No error for one that does not exist"}}
	return func(ctx context.Context, s *session, p *cmd.Parsed) error {
		api, err := s.client()
		if err != nil {
			return err
		}
		return s.each(ctx, p.Args, func(ctx context.Context, name string) error { return api.VolumeRemove(ctx, name, force) })
	}
}
