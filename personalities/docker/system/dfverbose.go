package system

import (
	"fmt"
	"strconv"

	"github.com/moby/moby/api/types/build"

	"box/netapi/client"
	"box/personalities/docker/container"
	"box/personalities/docker/image"
	"box/personalities/docker/session"
	"box/personalities/docker/table"
	"box/personalities/docker/volume"
)

// usageInFull lists every object with its size.
func usageInFull(s *session.Session, u *client.DiskUsage) error {
	var images, containers, volumes, cache []table.Row
	for i := range u.Images {
		for _, n := range image.NamesOf(&u.Images[i], false) {
			images = append(images, image.RowOf(&u.Images[i], n, false))
		}
	}
	for i := range u.Containers {
		c := container.RowOf(&u.Containers[i], false)
		c.Fields["Size"] = table.SizeText(u.Containers[i].SizeRw)
		containers = append(containers, c)
	}
	for i := range u.Volumes {
		volumes = append(volumes, volume.RowOf(&u.Volumes[i]))
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
		columns []table.Column
		rows    []table.Row
	}{
		{"Images space usage:\n\n", []table.Column{{"Repository", "REPOSITORY"}, {"Tag", "TAG"}, {"ID", "IMAGE ID"},
			{"CreatedSince", "CREATED"},
			{"Size", "SIZE"}, {"SharedSize", "SHARED SIZE"}, {"UniqueSize", "UNIQUE SIZE"},
			{"Containers", "CONTAINERS"}}, images},
		{"\nContainers space usage:\n\n", []table.Column{{"ID", "CONTAINER ID"}, {"Image", "IMAGE"},
			{"Command", "COMMAND"}, {"LocalVolumes", "LOCAL VOLUMES"},
			{"Size", "SIZE"}, {"RunningFor", "CREATED"}, {"Status", "STATUS"}, {"Names", "NAMES"}}, containers},
		{"\nLocal Volumes space usage:\n\n", []table.Column{{"Name", "VOLUME NAME"}, {"Links", "LINKS"},
			{"Size", "SIZE"}}, volumes},
		{fmt.Sprintf("\nBuild cache usage: %s\n\n", table.SizeOf(size)),
			[]table.Column{{"ID", "CACHE ID"}, {"CacheType", "CACHE TYPE"}, {"Size", "SIZE"},
				{"CreatedSince", "CREATED"}, {"LastUsedSince", "LAST USED"}, {"UsageCount", "USAGE"}, {"Shared", "SHARED"}},
			cache},
	} {
		fmt.Fprint(s.Out, part.title)
		if err := (&table.Listing{Standard: part.columns}).Print(s, s.Out, "", part.rows); err != nil {
			return err
		}
	}
	return nil
}

func cacheRow(b *build.CacheRecord) table.Row {
	used := ""
	if b.LastUsedAt != nil {
		used = table.Since(*b.LastUsedAt)
	}
	return table.Row{Fields: map[string]any{"ID": b.ID, "CacheType": b.Type, "Size": table.SizeOf(b.Size),
		"CreatedSince":  table.Since(b.CreatedAt),
		"LastUsedSince": used, "UsageCount": strconv.Itoa(b.UsageCount), "Shared": strconv.FormatBool(b.Shared)}}
}
