package image

import (
	"strconv"
	"strings"

	"github.com/moby/moby/api/types/image"

	"box/personalities/docker/table"
)

// Row is an image under one of its names in `docker images`; --format may call its methods.
type Row struct {
	i     *image.Summary
	name  imageName
	whole bool
}

// UsageRow returns the row of an image in `docker system df -v`: its first name, without a digest.
func UsageRow(i *image.Summary, whole bool) *Row {
	r := &Row{i: i, name: imageName{"<none>", "<none>", ""}, whole: whole}
	if len(i.RepoTags) > 0 {
		if cut := strings.LastIndexByte(i.RepoTags[0], ':'); cut >= 0 {
			r.name.repository, r.name.tag = i.RepoTags[0][:cut], i.RepoTags[0][cut+1:]
		}
	}
	return r
}

// ID returns the ID of the image.
func (r *Row) ID() string { return table.CutID(r.i.ID, r.whole) }

// Repository returns the name without its tag.
func (r *Row) Repository() string { return r.name.repository }

// Tag returns the tag of the name.
func (r *Row) Tag() string { return r.name.tag }

// Digest returns the digest of the manifest that was pulled or pushed.
func (r *Row) Digest() string { return r.name.digest }

// CreatedSince returns how long ago the image was created.
func (r *Row) CreatedSince() string { return table.Ago(r.i.Created) }

// CreatedAt returns the date of creation.
func (r *Row) CreatedAt() string { return table.Moment(r.i.Created) }

// Size returns the size of all layers.
func (r *Row) Size() string { return table.SizeText(r.i.Size) }

// Containers returns how many containers use the image, if the daemon counted them.
func (r *Row) Containers() string {
	if r.i.Containers < 0 {
		return "N/A"
	}
	return strconv.FormatInt(r.i.Containers, 10)
}

// VirtualSize is an older name of Size.
func (r *Row) VirtualSize() string { return table.SizeOf(r.i.Size) }

// SharedSize returns the size of the layers that other images use, too.
func (r *Row) SharedSize() string {
	if r.i.SharedSize < 0 {
		return "N/A"
	}
	return table.SizeOf(r.i.SharedSize)
}

// UniqueSize returns the size of the layers that no other image uses.
func (r *Row) UniqueSize() string {
	if r.i.SharedSize < 0 {
		return "N/A"
	}
	return table.SizeOf(r.i.Size - r.i.SharedSize)
}
