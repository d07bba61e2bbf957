package system

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/moby/moby/api/types/build"

	"box/netapi/client"
	"box/personalities/docker/container"
	"box/personalities/docker/image"
	"box/personalities/docker/session"
	"box/personalities/docker/table"
	"box/personalities/docker/volume"
	"box/templates"
)

// usage is all objects that take space, as rows.
type usage struct {
	images     []*image.Row
	containers []*container.Row
	volumes    []*volume.Row
	cache      []*cacheRow
	cacheSize  int64 // without the parts that images share
}

// usageOf makes the rows. If whole is set, IDs are not shortened.
func usageOf(u *client.DiskUsage, whole bool) *usage {
	r := &usage{}
	for i := range u.Images {
		r.images = append(r.images, image.UsageRow(&u.Images[i], whole))
	}
	for i := range u.Containers {
		r.containers = append(r.containers, container.UsageRow(&u.Containers[i], whole))
	}
	for i := range u.Volumes {
		r.volumes = append(r.volumes, volume.RowOf(&u.Volumes[i]))
	}
	for i := range u.BuildCache {
		if !u.BuildCache[i].Shared {
			r.cacheSize += u.BuildCache[i].Size
		}
		r.cache = append(r.cache, &cacheRow{&u.BuildCache[i], whole})
	}
	return r
}

// usageInFull lists every object with its size, as four tables or by a template.
func usageInFull(s *session.Session, u *client.DiskUsage, format string) error {
	if format != "" && format != "table" {
		return usageByTemplate(s, usageOf(u, true), format)
	}
	r := usageOf(u, false)
	fmt.Fprint(s.Out, "Images space usage:\n\n")
	images := &table.Listing{Standard: []table.Column{{"Repository", "REPOSITORY"}, {"Tag", "TAG"}, {"ID", "IMAGE ID"},
		{"CreatedSince", "CREATED"}, {"Size", "SIZE"}, {"SharedSize", "SHARED SIZE"}, {"UniqueSize", "UNIQUE SIZE"},
		{"Containers", "CONTAINERS"}}}
	if err := table.Print(s, s.Out, images, "", r.images); err != nil {
		return err
	}
	fmt.Fprint(s.Out, "\nContainers space usage:\n\n")
	containers := &table.Listing{Standard: []table.Column{{"ID", "CONTAINER ID"}, {"Image", "IMAGE"},
		{"Command", "COMMAND"}, {"LocalVolumes", "LOCAL VOLUMES"}, {"Size", "SIZE"}, {"RunningFor", "CREATED"},
		{"Status", "STATUS"}, {"Names", "NAMES"}}}
	if err := table.Print(s, s.Out, containers, "", r.containers); err != nil {
		return err
	}
	fmt.Fprint(s.Out, "\nLocal Volumes space usage:\n\n")
	volumes := &table.Listing{Standard: []table.Column{{"Name", "VOLUME NAME"}, {"Links", "LINKS"}, {"Size", "SIZE"}}}
	if err := table.Print(s, s.Out, volumes, "", r.volumes); err != nil {
		return err
	}
	fmt.Fprintf(s.Out, "\nBuild cache usage: %s\n\n", table.SizeOf(r.cacheSize))
	cache := &table.Listing{Standard: []table.Column{{"ID", "CACHE ID"}, {"CacheType", "CACHE TYPE"}, {"Size", "SIZE"},
		{"CreatedSince", "CREATED"}, {"LastUsedSince", "LAST USED"}, {"UsageCount", "USAGE"}, {"Shared", "SHARED"}}}
	return table.Print(s, s.Out, cache, "", r.cache)
}

// usageByTemplate runs a template once over all rows. As in Docker, no newline follows.
func usageByTemplate(s *session.Session, r *usage, format string) error {
	if format == "json" {
		format = "{{json .}}"
	}
	t, err := templates.Parse("", table.Unescape(format))
	if err != nil {
		return fmt.Errorf("template parsing error: %w", err)
	}
	all := struct{ Images, Containers, Volumes, BuildCache []table.Object }{table.Objects(r.images),
		table.Objects(r.containers), table.Objects(r.volumes), table.Objects(r.cache)}
	if err := t.Execute(s.Out, all); err != nil {
		return fmt.Errorf("template parsing error: %w", err)
	}
	return nil
}

// cacheRow is a record of the build cache; --format may call its methods.
type cacheRow struct {
	b     *build.CacheRecord
	whole bool
}

// ID returns the ID of the record.
func (r *cacheRow) ID() string { return table.CutID(r.b.ID, r.whole) }

// CacheType returns the type of the record.
func (r *cacheRow) CacheType() string { return r.b.Type }

// Size returns the size of the record.
func (r *cacheRow) Size() string { return table.SizeText(r.b.Size) }

// CreatedSince returns how long ago the record was created.
func (r *cacheRow) CreatedSince() string { return table.Since(r.b.CreatedAt) }

// LastUsedSince returns how long ago the record was used.
func (r *cacheRow) LastUsedSince() string {
	if r.b.LastUsedAt == nil {
		return ""
	}
	return table.Since(*r.b.LastUsedAt)
}

// UsageCount returns how often the record was used.
func (r *cacheRow) UsageCount() string { return strconv.Itoa(r.b.UsageCount) }

// Parent returns the IDs of the records that this one was made from.
func (r *cacheRow) Parent() string { return strings.Join(r.b.Parents, ", ") }

// Description describes the record.
func (r *cacheRow) Description() string { return r.b.Description }

// InUse tells whether a build uses the record now.
func (r *cacheRow) InUse() string { return strconv.FormatBool(r.b.InUse) }

// CreatedAt returns the date of creation.
func (r *cacheRow) CreatedAt() string { return r.b.CreatedAt.String() }

// LastUsedAt returns the date of the last use.
func (r *cacheRow) LastUsedAt() string {
	if r.b.LastUsedAt == nil {
		return ""
	}
	return r.b.LastUsedAt.String()
}

// Shared tells whether several builds share the record.
func (r *cacheRow) Shared() string { return strconv.FormatBool(r.b.Shared) }
