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

// Row is a container as ps shows it; its methods are what --format may name.
type Row struct {
	c         *container.Summary
	whole     bool
	sizeAsked bool
	written   bool // its size is what it wrote alone
}

// RowOf is the row of a container. Whole leaves IDs, commands and names of volumes as long as they are.
func RowOf(c *container.Summary, whole bool) *Row { return &Row{c: c, whole: whole} }

// UsageRow is the row of a container in `docker system df -v`.
func UsageRow(c *container.Summary, whole bool) *Row { return &Row{c: c, whole: whole, written: true} }

// ID is the container's.
func (r *Row) ID() string { return table.CutID(r.c.ID, r.whole) }

// Names are the container's, and with --no-trunc those that links gave.
func (r *Row) Names() string { return Names(r.c.Names, r.whole) }

// Image is what the container was made from.
func (r *Row) Image() string { return shownImage(r.c, r.whole) }

// Command is quoted.
func (r *Row) Command() string {
	if r.whole {
		return strconv.Quote(r.c.Command)
	}
	return strconv.Quote(table.Ellipsis(r.c.Command, 20))
}

// CreatedAt is a date.
func (r *Row) CreatedAt() string { return time.Unix(r.c.Created, 0).String() }

// RunningFor is how long ago the container was made.
func (r *Row) RunningFor() string { return table.Ago(r.c.Created) }

// Platform is that of an image of several; no daemon says it in a list.
func (r *Row) Platform() *ocispec.Platform { return nil }

// Ports are those that are open, neighbours as one range.
func (r *Row) Ports() string { return portText(r.c.Ports) }

// State is one word.
func (r *Row) State() string { return string(r.c.State) }

// Status is the state in words.
func (r *Row) Status() string { return r.c.Status }

// Size is what the container wrote, and all that it sees.
func (r *Row) Size() string {
	r.sizeAsked = true
	text := table.SizeText(r.c.SizeRw)
	if r.c.SizeRootFs > 0 && !r.written {
		text += " (virtual " + table.SizeText(r.c.SizeRootFs) + ")"
	}
	return text
}

// Labels are all of them.
func (r *Row) Labels() string { return table.LabelText(r.c.Labels) }

// Label is the value of one.
func (r *Row) Label(name string) string { return r.c.Labels[name] }

// Mounts are names of volumes and paths of the host.
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

// LocalVolumes is how many of the mounts are volumes of this host.
func (r *Row) LocalVolumes() string {
	n := 0
	for _, m := range r.c.Mounts {
		if m.Driver == "local" {
			n++
		}
	}
	return strconv.Itoa(n)
}

// Networks are sorted by name.
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
