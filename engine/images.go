package engine

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	apiimage "github.com/moby/moby/api/types/image"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"box/engine/filter"
	"box/engine/image"
	"box/engine/reference"
	"box/engine/refuse"
)

// imageFilters are the filters of Images.
var imageFilters = []string{"before", "dangling", "label", "reference", "since", "until"}

// Command is a program with its arguments: in JSON a list of strings or a single string.
type Command = image.Command

// ImageList selects what Images returns.
type ImageList struct {
	filter.Args
	SharedSize bool // count what images share, which reads all layers' rows
	Containers bool // count the containers of each
}

// Images lists images, newest first.
func (e *Engine) Images(ctx context.Context, q ImageList) ([]apiimage.Summary, error) {
	fits, err := e.imageMatch(q.Args)
	if err != nil {
		return nil, err
	}
	var shared map[digest.Digest]int64
	if q.SharedSize {
		if shared, err = e.images.Shared(ctx); err != nil {
			return nil, err
		}
	}
	users := map[string]int64{}
	if q.Containers {
		for _, c := range e.all() {
			users[c.Record().Image]++
		}
	}
	out := []apiimage.Summary{}
	for _, s := range e.images.List() {
		if q.Has("reference") {
			if s.Names, err = matchReferences(s.Names, q.Args["reference"]); err != nil {
				return nil, err
			}
			if len(s.Names) == 0 {
				continue
			}
		}
		if !fits(s) {
			continue
		}
		told := imageSummary(s)
		if q.SharedSize {
			told.SharedSize = shared[s.ID]
		}
		if q.Containers {
			told.Containers = users[told.ID]
		}
		out = append(out, told)
	}
	return out, nil
}

// imageMatch returns the test of the filters of `docker images`, except reference, which selects names.
func (e *Engine) imageMatch(f filter.Args) (func(image.Summary) bool, error) {
	if err := f.Check(imageFilters); err != nil {
		return nil, err
	}
	for _, v := range f["dangling"] {
		if !slices.Contains([]string{"true", "1", "false", "0"}, v) {
			return nil, refuse.Invalid("invalid filter 'dangling=[%s]'", v)
		}
	}
	before, err := e.imageBound(f, "before")
	if err != nil {
		return nil, err
	}
	since, err := e.imageBound(f, "since")
	if err != nil {
		return nil, err
	}
	until, err := f.Until(e.o.Now())
	if err != nil {
		return nil, err
	}
	return func(s image.Summary) bool {
		return f.Labels(s.Labels) && (until.IsZero() || !s.Created.After(until)) &&
			f.Any("dangling", func(v string) bool { return (v == "true" || v == "1") == dangling(s.Names) }) &&
			(before.IsZero() || s.Created.Before(before)) && (since.IsZero() || s.Created.After(since))
	}, nil
}

// dangling tells whether an image with these names has no tag.
func dangling(names []string) bool {
	return !slices.ContainsFunc(names, func(n string) bool { return !strings.Contains(n, "@") })
}

// imageBound returns when the image that a filter names was created, or zero without the filter.
func (e *Engine) imageBound(f filter.Args, key string) (time.Time, error) {
	if !f.Has(key) {
		return time.Time{}, nil
	}
	img, err := e.images.Resolve(f[key][0])
	if err != nil {
		return time.Time{}, err
	}
	return createdAt(img), nil
}

// matchReferences returns the names that match one of patterns.
func matchReferences(names, patterns []string) ([]string, error) {
	var fit []string
	for _, n := range names {
		ref, err := reference.Parse(n)
		if err != nil {
			continue
		}
		for _, p := range patterns {
			ok, err := ref.Match(p)
			if err != nil {
				return nil, refuse.Invalid("invalid filter 'reference=%s': %v", p, err)
			}
			if ok {
				fit = append(fit, n)
				break
			}
		}
	}
	return fit, nil
}

func imageSummary(s image.Summary) apiimage.Summary {
	tags, digests := splitNames(s.Names)
	return apiimage.Summary{
		// An image without a date has that of a zero time, which clients show as none.
		ID: s.ID.String(), ParentID: s.Parent.String(), Created: s.Created.Unix(), RepoTags: tags, RepoDigests: digests,
		Labels: s.Labels, Size: s.Size, SharedSize: -1, Containers: -1,
	}
}

func createdAt(img *image.Image) time.Time {
	if img.Config.Created == nil {
		return time.Time{}
	}
	return *img.Config.Created
}

// splitNames separates tags and digests.
func splitNames(names []string) (tags, digests []string) {
	tags, digests = []string{}, []string{}
	for _, n := range names {
		if strings.Contains(n, "@") {
			digests = append(digests, n)
		} else {
			tags = append(tags, n)
		}
	}
	return tags, digests
}

// ImageInspect is an image's inspection, with what only older versions of the API return.
type ImageInspect struct {
	apiimage.InspectResponse
	Parent string // the image that it was made of here
	Old    struct {
		DockerVersion   string          `json:"docker_version"`
		Container       string          `json:"container"`
		ContainerConfig json.RawMessage `json:"container_config"`
	}
}

// InspectImage inspects an image. If platform is not nil, the image must be for it.
func (e *Engine) InspectImage(ctx context.Context, ref string, platform *ocispec.Platform) (*ImageInspect, error) {
	l, err := e.imageOf(ref, platform)
	if err != nil {
		return nil, err
	}
	c := l.Config
	tags, digests := splitNames(l.Names)
	r := &ImageInspect{InspectResponse: apiimage.InspectResponse{
		ID: l.ID.String(), RepoTags: tags, RepoDigests: digests, Comment: c.Comment, Author: c.Author,
		Architecture: c.Architecture, Variant: c.Variant, Os: c.OS, OsVersion: c.OSVersion, Size: l.Size,
		Config: &c.Config, RootFS: apiimage.RootFS{Type: "layers"}, GraphDriver: e.graphDriver(ctx, l.ChainID().String()),
		Metadata: apiimage.Metadata{LastTagTime: l.Tagged},
	}}
	r.Parent = e.images.Parent(l.ID).String()
	if n := len(c.History); r.Comment == "" && n > 0 {
		r.Comment = c.History[n-1].Comment
	}
	if err := json.Unmarshal(l.Raw, &r.Old); err != nil {
		e.log.Debug("old fields of an image", "image", l.ID, "error", err) // of no use to anybody then
	}
	if c.Created != nil {
		r.Created = c.Created.Format(time.RFC3339Nano)
	}
	for _, d := range c.RootFS.DiffIDs {
		r.RootFS.Layers = append(r.RootFS.Layers, d.String())
	}
	return r, nil
}

// imageOf returns an image that is for a platform.
func (e *Engine) imageOf(ref string, platform *ocispec.Platform) (image.Listed, error) {
	l, err := e.images.Find(ref)
	if err == nil {
		err = l.CheckPlatform(l.ID.String(), platform)
	}
	return l, err
}

// ImageHistory lists the steps that made an image, newest first.
func (e *Engine) ImageHistory(ctx context.Context, ref string,
	platform *ocispec.Platform) ([]apiimage.HistoryResponseItem, error) {
	l, err := e.imageOf(ref, platform)
	if err != nil {
		return nil, err
	}
	out := []apiimage.HistoryResponseItem{}
	chain := l.ChainIDs()
	for _, h := range l.Config.History {
		item := apiimage.HistoryResponseItem{ID: "<missing>", CreatedBy: h.CreatedBy, Comment: h.Comment}
		if h.Created != nil {
			item.Created = max(h.Created.Unix(), 0)
		}
		if !h.EmptyLayer && len(chain) > 0 {
			info, err := e.layers.Stat(ctx, chain[0].String())
			if err != nil {
				return nil, err
			}
			item.Size, chain = max(info.Size, 0), chain[1:]
		}
		out = append(out, item)
	}
	slices.Reverse(out)
	// The images that this one was made of here stand beside their own last step.
	for i, id := 0, l.ID; i < len(out) && id != ""; i, id = i+1, e.images.Parent(id) {
		made, err := e.images.Find(id.String())
		if err != nil {
			break // it is gone
		}
		out[i].ID = id.String()
		out[i].Tags, _ = splitNames(made.Names)
	}
	return out, nil
}
