package image

import (
	"strconv"
	"strings"

	"github.com/moby/moby/api/types/image"

	"box/personalities/docker/table"
)

// Row is an image under one of its names as `docker images` shows it; its methods are what --format may name.
type Row struct {
	i     *image.Summary
	name  imageName
	whole bool
}

// UsageRow is the row of an image in `docker system df -v`: under its first name, without a digest.
func UsageRow(i *image.Summary, whole bool) *Row {
	r := &Row{i: i, name: imageName{"<none>", "<none>", ""}, whole: whole}
	if len(i.RepoTags) > 0 {
		if cut := strings.LastIndexByte(i.RepoTags[0], ':'); cut >= 0 {
			r.name.repository, r.name.tag = i.RepoTags[0][:cut], i.RepoTags[0][cut+1:]
		}
	}
	return r
}

// ID is the image's.
func (r *Row) ID() string { return table.CutID(r.i.ID, r.whole) }

// Repository is the name without its tag.
func (r *Row) Repository() string { return r.name.repository }

// Tag is the name's.
func (r *Row) Tag() string { return r.name.tag }

// Digest is that of the manifest that was pulled or pushed.
func (r *Row) Digest() string { return r.name.digest }

// CreatedSince is how long ago the image was made.
func (r *Row) CreatedSince() string { return table.Ago(r.i.Created) }

// CreatedAt is a date.
func (r *Row) CreatedAt() string { return table.Moment(r.i.Created) }

// Size is that of all layers.
func (r *Row) Size() string { return table.SizeText(r.i.Size) }

// Containers is how many use the image, where the daemon counted them.
func (r *Row) Containers() string {
	if r.i.Containers < 0 {
		return "N/A"
	}
	return strconv.FormatInt(r.i.Containers, 10)
}

// VirtualSize is the older name of Size.
func (r *Row) VirtualSize() string { return table.SizeOf(r.i.Size) }

// SharedSize is what other images have, too.
func (r *Row) SharedSize() string {
	if r.i.SharedSize < 0 {
		return "N/A"
	}
	return table.SizeOf(r.i.SharedSize)
}

// UniqueSize is what no other image has.
func (r *Row) UniqueSize() string {
	if r.i.SharedSize < 0 {
		return "N/A"
	}
	return table.SizeOf(r.i.Size - r.i.SharedSize)
}
