package docker

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/moby/moby/api/types/build"
	"github.com/moby/moby/api/types/container"

	"box/netapi/client"
	"box/personalities/cmd"
)

// systemDf is `docker system df`.
type systemDf struct {
	Format  string `help:"${format}"`
	Verbose bool   `short:"v" help:"Show every object"`
}

func (c *systemDf) Run(ctx context.Context, s *session, _ *cmd.Parsed) error {
	if c.Verbose && c.Format != "" && c.Format != "table" {
		return errors.New("the verbose option cannot be combined with a format")
	}
	api, err := s.client()
	if err != nil {
		return err
	}
	usage, err := api.DiskUsage(ctx)
	if err != nil {
		return err
	}
	if c.Verbose {
		return usageInFull(s, &usage)
	}
	l := &listing{standard: []column{{"Type", "TYPE"}, {"TotalCount", "TOTAL"}, {"Active", "ACTIVE"}, {"Size", "SIZE"}, {"Reclaimable", "RECLAIMABLE"}}}
	return l.print(s, s.out, c.Format, usageRows(&usage))
}

// share is one kind of what takes space.
type share struct {
	name              string
	total, active     int
	size, reclaimable int64
	percent           bool // of its size, where that says something
}

func (s share) row() row {
	reclaimable := sizeOf(max(s.reclaimable, 0))
	if s.percent && s.size > 0 {
		reclaimable += fmt.Sprintf(" (%d%%)", s.reclaimable*100/s.size)
	}
	return row{fields: map[string]any{"Type": s.name, "TotalCount": strconv.Itoa(s.total), "Active": strconv.Itoa(s.active),
		"Size": sizeOf(s.size), "Reclaimable": reclaimable}}
}

// usageRows is the four lines of the summary.
func usageRows(u *client.DiskUsage) []row {
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
	return []row{images.row(), containers.row(), volumes.row(), cache.row()}
}

func isActive(state container.ContainerState) bool {
	return strings.Contains(string(state), "running") || strings.Contains(string(state), "paused") || strings.Contains(string(state), "restarting")
}

// usageInFull lists every object with its size.
func usageInFull(s *session, u *client.DiskUsage) error {
	var images, containers, volumes, cache []row
	for i := range u.Images {
		for _, n := range imageNames(&u.Images[i], false) {
			images = append(images, imageRow(&u.Images[i], n, false))
		}
	}
	for i := range u.Containers {
		c := containerRow(&u.Containers[i], false)
		c.fields["Size"] = sizeText(u.Containers[i].SizeRw)
		containers = append(containers, c)
	}
	for i := range u.Volumes {
		volumes = append(volumes, volumeRow(&u.Volumes[i]))
	}
	size := int64(0)
	for i := range u.BuildCache {
		if !u.BuildCache[i].Shared {
			size += u.BuildCache[i].Size
		}
		cache = append(cache, cacheRow(&u.BuildCache[i]))
	}
	for _, part := range []struct {
		title   string
		columns []column
		rows    []row
	}{
		{"Images space usage:\n\n", []column{{"Repository", "REPOSITORY"}, {"Tag", "TAG"}, {"ID", "IMAGE ID"}, {"CreatedSince", "CREATED"},
			{"Size", "SIZE"}, {"SharedSize", "SHARED SIZE"}, {"UniqueSize", "UNIQUE SIZE"}, {"Containers", "CONTAINERS"}}, images},
		{"\nContainers space usage:\n\n", []column{{"ID", "CONTAINER ID"}, {"Image", "IMAGE"}, {"Command", "COMMAND"}, {"LocalVolumes", "LOCAL VOLUMES"},
			{"Size", "SIZE"}, {"RunningFor", "CREATED"}, {"Status", "STATUS"}, {"Names", "NAMES"}}, containers},
		{"\nLocal Volumes space usage:\n\n", []column{{"Name", "VOLUME NAME"}, {"Links", "LINKS"}, {"Size", "SIZE"}}, volumes},
		{fmt.Sprintf("\nBuild cache usage: %s\n\n", sizeOf(size)), []column{{"ID", "CACHE ID"}, {"CacheType", "CACHE TYPE"}, {"Size", "SIZE"},
			{"CreatedSince", "CREATED"}, {"LastUsedSince", "LAST USED"}, {"UsageCount", "USAGE"}, {"Shared", "SHARED"}}, cache},
	} {
		fmt.Fprint(s.out, part.title)
		if err := (&listing{standard: part.columns}).print(s, s.out, "", part.rows); err != nil {
			return err
		}
	}
	return nil
}

func cacheRow(b *build.CacheRecord) row {
	used := ""
	if b.LastUsedAt != nil {
		used = since(*b.LastUsedAt)
	}
	return row{fields: map[string]any{"ID": b.ID, "CacheType": b.Type, "Size": sizeOf(b.Size), "CreatedSince": since(b.CreatedAt),
		"LastUsedSince": used, "UsageCount": strconv.Itoa(b.UsageCount), "Shared": strconv.FormatBool(b.Shared)}}
}
