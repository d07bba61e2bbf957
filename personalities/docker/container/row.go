package container

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/moby/moby/api/types/container"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"box/personalities/docker/table"
)

// Row is a container in `docker ps`; --format may call its methods.
type Row struct {
	c         *container.Summary
	whole     bool
	sizeAsked bool
	written   bool // Size is only what the container wrote, for `docker system df`
}

// RowOf returns the row of a container. If whole is set, IDs, commands and volume names are not shortened.
func RowOf(c *container.Summary, whole bool) *Row { return &Row{c: c, whole: whole} }

// UsageRow returns the row of a container in `docker system df -v`.
func UsageRow(c *container.Summary, whole bool) *Row { return &Row{c: c, whole: whole, written: true} }

// ID returns the ID of the container.
func (r *Row) ID() string { return table.CutID(r.c.ID, r.whole) }

// Names returns the names of the container; with --no-trunc also those that links gave.
func (r *Row) Names() string { return Names(r.c.Names, r.whole) }

// Image returns the name or ID of the image.
func (r *Row) Image() string { return shownImage(r.c, r.whole) }

// Command returns the quoted command line.
func (r *Row) Command() string {
	if r.whole {
		return strconv.Quote(r.c.Command)
	}
	return strconv.Quote(table.Ellipsis(r.c.Command, 20))
}

// CreatedAt returns the date of creation.
func (r *Row) CreatedAt() string { return time.Unix(r.c.Created, 0).String() }

// RunningFor returns how long ago the container was created.
func (r *Row) RunningFor() string { return table.Ago(r.c.Created) }

// Platform returns nil, because no daemon lists the platforms of containers.
func (r *Row) Platform() *ocispec.Platform { return nil }

// Ports returns the open ports; adjacent ones form a range.
func (r *Row) Ports() string { return portText(r.c.Ports) }

// State returns the state, such as "running".
func (r *Row) State() string { return string(r.c.State) }

// Status returns a description of the state, such as "Up 2 hours".
func (r *Row) Status() string { return r.c.Status }

// Size returns how much the container wrote, and the size of its root file system.
func (r *Row) Size() string {
	r.sizeAsked = true
	text := table.SizeText(r.c.SizeRw)
	if r.c.SizeRootFs > 0 && !r.written {
		text += " (virtual " + table.SizeText(r.c.SizeRootFs) + ")"
	}
	return text
}

// Labels returns all labels.
func (r *Row) Labels() string { return table.LabelText(r.c.Labels) }

// Label returns the value of one label.
func (r *Row) Label(name string) string { return r.c.Labels[name] }

// Mounts returns the names of mounted volumes and the mounted paths of the host.
func (r *Row) Mounts() string {
	var mounts []string
	for _, m := range r.c.Mounts {
		name := m.Name
		if name == "" {
			name = m.Source
		}
		if !r.whole {
			name = table.Ellipsis(name, 15)
		}
		mounts = append(mounts, name)
	}
	return strings.Join(mounts, ",")
}

// LocalVolumes returns how many mounts are volumes of the driver local.
func (r *Row) LocalVolumes() string {
	n := 0
	for _, m := range r.c.Mounts {
		if m.Driver == "local" {
			n++
		}
	}
	return strconv.Itoa(n)
}

// Networks returns the names of networks, sorted.
func (r *Row) Networks() string {
	var networks []string
	if r.c.NetworkSettings != nil {
		for name := range r.c.NetworkSettings.Networks {
			networks = append(networks, name)
		}
		slices.Sort(networks)
	}
	return strings.Join(networks, ",")
}
