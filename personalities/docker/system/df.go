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

// Df is `docker system df`.
type Df struct {
	Format  string `help:"${format}"`
	Verbose bool   `short:"v" help:"Show all objects"`
}

// Run implements session.Runner.
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

// share is the space taken by one kind of object.
type share struct {
	name              string
	total, active     int
	size, reclaimable int64
	percent           bool // whether Reclaimable shows a percentage
}

// shareRow is a row of `docker system df`; --format may call its methods.
type shareRow struct{ s share }

// Type returns the kind of object.
func (r *shareRow) Type() string { return r.s.name }

// TotalCount returns how many objects there are.
func (r *shareRow) TotalCount() string { return strconv.Itoa(r.s.total) }

// Active returns how many objects are in use.
func (r *shareRow) Active() string { return strconv.Itoa(r.s.active) }

// Size returns the space taken by all objects.
func (r *shareRow) Size() string { return table.SizeOf(r.s.size) }

// Reclaimable returns the space taken by objects that are not in use.
func (r *shareRow) Reclaimable() string {
	text := table.SizeOf(max(r.s.reclaimable, 0))
	if r.s.percent && r.s.size > 0 {
		text += fmt.Sprintf(" (%d%%)", r.s.reclaimable*100/r.s.size)
	}
	return text
}

// usageRows returns the four rows of the summary.
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
