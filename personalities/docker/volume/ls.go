// Package volume is the commands about volumes, a file a verb.
package volume

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/moby/moby/api/types/volume"

	"box/netapi/client"
	"box/personalities/cmd"
	"box/personalities/docker/session"
	"box/personalities/docker/table"
	"box/personalities/docker/values"
)

func volumeListing() *table.Listing {
	return &table.Listing{
		Setting:  "volumesFormat",
		Standard: []table.Column{{"Driver", "DRIVER"}, {"Name", "VOLUME NAME"}},
		Others: []table.Column{{"Scope", "SCOPE"}, {"Mountpoint", "MOUNTPOINT"}, {"Labels", "LABELS"},
			{"Links", "LINKS"}, {"Size", "SIZE"},
			{"Group", "GROUP"}, {"Availability", "AVAILABILITY"}, {"Status", "STATUS"}},
	}
}

// Ls has the flags of `docker volume ls`.
type Ls struct {
	Cluster bool           `help:"Cluster volumes only"`
	Filter  values.Filters `short:"f" placeholder:"filter" help:"Only those that match: dangling=..., driver=..., name=..., label=..."`
	Format  string         `help:"${format}"`
	Quiet   bool           `short:"q" help:"Names only"`
}

// Run is `docker volume ls`.
func (c *Ls) Run(ctx context.Context, s *session.Session, _ *cmd.Parsed) error {
	api, err := s.Client()
	if err != nil {
		return err
	}
	list, err := api.VolumeList(ctx, client.Filters(c.Filter))
	if err != nil {
		return err
	}
	for _, w := range list.Warnings {
		s.Complain(errors.New(w))
	}
	slices.SortFunc(list.Volumes, func(a, b volume.Volume) int { return cmp.Compare(a.Name, b.Name) })
	if c.Quiet && c.Format == "" {
		c.Format = "{{.Name}}"
	}
	var rows []table.Row
	for i := range list.Volumes {
		if c.Cluster && list.Volumes[i].ClusterVolume == nil {
			continue
		}
		rows = append(rows, RowOf(&list.Volumes[i]))
	}
	return volumeListing().Print(s, s.Out, c.Format, rows)
}

// RowOf is a line of the listing.
func RowOf(v *volume.Volume) table.Row {
	links, size := "N/A", "N/A"
	if v.UsageData != nil {
		links, size = fmt.Sprint(v.UsageData.RefCount), table.SizeOf(v.UsageData.Size)
	}
	return table.Row{
		Label: func(name string) string { return v.Labels[name] },
		Fields: map[string]any{"Name": v.Name, "Driver": v.Driver, "Scope": v.Scope, "Mountpoint": v.Mountpoint,
			"Labels": table.LabelText(v.Labels),
			"Links":  links, "Size": size, "Group": "N/A", "Availability": "N/A", "Status": "N/A"},
	}
}
