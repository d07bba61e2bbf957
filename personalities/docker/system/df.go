package system

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/moby/moby/api/types/container"

	"box/netapi/client"
	"box/personalities/cmd"
	"box/personalities/docker/session"
	"box/personalities/docker/table"
)

// Df has the flags of `docker system df`.
type Df struct {
	Format  string `help:"${format}"`
	Verbose bool   `short:"v" help:"Show every object"`
}

// Run is `docker system df`.
func (c *Df) Run(ctx context.Context, s *session.Session, _ *cmd.Parsed) error {
	api, err := s.Client()
	if err != nil {
		return err
	}
	usage, err := api.DiskUsage(ctx)
	if err != nil {
		return err
	}
	if c.Verbose {
		return usageInFull(s, &usage, c.Format)
	}
	l := &table.Listing{Standard: []table.Column{{"Type", "TYPE"}, {"TotalCount", "TOTAL"}, {"Active", "ACTIVE"},
		{"Size", "SIZE"}, {"Reclaimable", "RECLAIMABLE"}},
		Raw: "type: {{.Type}}\ntotal: {{.TotalCount}}\nactive: {{.Active}}\nsize: {{.Size}}\n" +
			"reclaimable: {{.Reclaimable}}\n"}
	return table.Print(s, s.Out, l, c.Format, usageRows(&usage))
}

// share is one kind of what takes space.
type share struct {
	name              string
	total, active     int
	size, reclaimable int64
	percent           bool // of its size, where that says something
}

// shareRow is a share in the listing; its methods are what --format may name.
type shareRow struct{ s share }

// Type is what takes space.
func (r *shareRow) Type() string { return r.s.name }

// TotalCount is how many there are.
func (r *shareRow) TotalCount() string { return strconv.Itoa(r.s.total) }

// Active is how many of them are in use.
func (r *shareRow) Active() string { return strconv.Itoa(r.s.active) }

// Size is what all take.
func (r *shareRow) Size() string { return table.SizeOf(r.s.size) }

// Reclaimable is what those not in use take.
func (r *shareRow) Reclaimable() string {
	text := table.SizeOf(max(r.s.reclaimable, 0))
	if r.s.percent && r.s.size > 0 {
		text += fmt.Sprintf(" (%d%%)", r.s.reclaimable*100/r.s.size)
	}
	return text
}

// usageRows is the four lines of the summary.
func usageRows(u *client.DiskUsage) []*shareRow {
	images := share{name: "Images", total: len(u.Images), size: u.LayersSize, percent: true}
	used := int64(0)
	for _, i := range u.Images {
		if i.Containers > 0 {
			images.active++
			if i.Size >= 0 && i.SharedSize >= 0 {
				used += i.Size - i.SharedSize
			}
		}
	}
	images.reclaimable = images.size - used
	containers := share{name: "Containers", total: len(u.Containers), percent: true}
	for _, c := range u.Containers {
		containers.size += c.SizeRw
		if isActive(c.State) {
			containers.active++
		} else {
			containers.reclaimable += c.SizeRw
		}
	}
	volumes := share{name: "Local Volumes", total: len(u.Volumes), percent: true}
	for _, v := range u.Volumes {
		if v.UsageData == nil || v.UsageData.Size < 0 {
			continue
		}
		volumes.size += v.UsageData.Size
		if v.UsageData.RefCount > 0 {
			volumes.active++
		} else {
			volumes.reclaimable += v.UsageData.Size
		}
	}
	cache := share{name: "Build Cache", total: len(u.BuildCache)}
	for _, b := range u.BuildCache {
		cache.size += b.Size
		if b.InUse {
			cache.active++
		} else if !b.Shared {
			cache.reclaimable += b.Size
		}
	}
	return []*shareRow{{images}, {containers}, {volumes}, {cache}}
}

func isActive(state container.ContainerState) bool {
	return strings.Contains(string(state), "running") || strings.Contains(string(state), "paused") ||
		strings.Contains(string(state), "restarting")
}
