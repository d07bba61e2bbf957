// Package volume is the commands about volumes, with a file for each verb.
package volume

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"

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
		Key:      "Name",
		Standard: []table.Column{{"Driver", "DRIVER"}, {"Name", "VOLUME NAME"}},
		Others: []table.Column{{"Scope", "SCOPE"}, {"Mountpoint", "MOUNTPOINT"}, {"Labels", "LABELS"},
			{"Links", "LINKS"}, {"Size", "SIZE"},
			{"Group", "GROUP"}, {"Availability", "AVAILABILITY"}, {"Status", "STATUS"}},
		Raw: "name: {{.Name}}\ndriver: {{.Driver}}\n",
	}
}

// Ls is `docker volume ls`.
type Ls struct {
	Cluster bool           `help:"Show only cluster volumes"`
	Filter  values.Filters `short:"f" placeholder:"filter" help:"Filter: dangling=..., driver=..., name=..., label=..."`
	Format  string         `help:"${format}"`
	Quiet   bool           `short:"q" help:"Print names only"`
}

// Run implements session.Runner.
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
	l := volumeListing()
	if c.Quiet {
		c.Format = l.Quiet(c.Format)
	}
	var rows []*Row
	for i := range list.Volumes {
		if c.Cluster && list.Volumes[i].ClusterVolume == nil {
			continue
		}
		rows = append(rows, RowOf(&list.Volumes[i]))
	}
	return table.Print(s, s.Out, l, c.Format, rows)
}

// Row is a volume in `docker volume ls`; --format may call its methods.
type Row struct{ v *volume.Volume }

// RowOf returns the row of a volume.
func RowOf(v *volume.Volume) *Row { return &Row{v} }

// Name returns the name of the volume.
func (r *Row) Name() string { return r.v.Name }

// Driver returns the driver of the volume.
func (r *Row) Driver() string { return r.v.Driver }

// Scope returns "local" or "global".
func (r *Row) Scope() string { return r.v.Scope }

// Mountpoint returns the path of the volume on the host.
func (r *Row) Mountpoint() string { return r.v.Mountpoint }

// Labels returns all labels.
func (r *Row) Labels() string { return table.LabelText(r.v.Labels) }

// Label returns the value of one label.
func (r *Row) Label(name string) string { return r.v.Labels[name] }

// Links returns how many containers use the volume, if the daemon counted them.
func (r *Row) Links() string {
	if r.v.UsageData == nil {
		return "N/A"
	}
	return strconv.FormatInt(r.v.UsageData.RefCount, 10)
}

// Size returns the size of the content, if the daemon measured it.
func (r *Row) Size() string {
	if r.v.UsageData == nil {
		return "N/A"
	}
	return table.SizeOf(r.v.UsageData.Size)
}

// Group is set for volumes of a cluster only.
func (r *Row) Group() string { return "N/A" }

// Availability is set for volumes of a cluster only.
func (r *Row) Availability() string { return "N/A" }

// Status is set for volumes of a cluster only.
func (r *Row) Status() string { return "N/A" }
