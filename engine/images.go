package engine

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/distribution/reference"
	"github.com/moby/moby/api/types/events"
	apiimage "github.com/moby/moby/api/types/image"
	"github.com/opencontainers/go-digest"

	"box/engine/image"
)

// imageFilters are the keys that Images knows.
var imageFilters = []string{"before", "dangling", "label", "reference", "since"}

// Images describes images, the newest first.
func (e *Engine) Images(_ context.Context, _ bool, f Filters) ([]apiimage.Summary, error) {
	fits, err := e.imageMatch(f)
	if err != nil {
		return nil, err
	}
	out := []apiimage.Summary{}
	for _, s := range e.images.List() {
		if f.has("reference") {
			if s.Names, err = matchReferences(s.Names, f["reference"]); err != nil {
				return nil, err
			}
			if len(s.Names) == 0 {
				continue
			}
		}
		if fits(s) {
			out = append(out, imageSummary(s))
		}
	}
	return out, nil
}

// imageMatch is the test that the filters of `docker images` make, but for reference, which picks names.
func (e *Engine) imageMatch(f Filters) (func(image.Summary) bool, error) {
	if err := f.check(imageFilters); err != nil {
		return nil, err
	}
	for _, v := range f["dangling"] {
		if !slices.Contains([]string{"true", "1", "false", "0"}, v) {
			return nil, invalid("invalid filter 'dangling=[%s]'", v)
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
	return func(s image.Summary) bool {
		return f.labels(s.Labels) &&
			f.any("dangling", func(v string) bool { return (v == "true" || v == "1") == (len(s.Names) == 0) }) &&
			(before.IsZero() || s.Created.Before(before)) && (since.IsZero() || s.Created.After(since))
	}, nil
}

// imageBound is when the image that a filter names was made, zero for no filter.
func (e *Engine) imageBound(f Filters, key string) (time.Time, error) {
	if !f.has(key) {
		return time.Time{}, nil
	}
	img, err := e.images.Resolve(f[key][0])
	if err != nil {
		return time.Time{}, err
	}
	return createdAt(img), nil
}

// matchReferences are the names that one of patterns fits.
func matchReferences(names, patterns []string) ([]string, error) {
	var fit []string
	for _, n := range names {
		ref, err := reference.ParseNormalizedNamed(n)
		if err != nil {
			continue
		}
		for _, p := range patterns {
			ok, err := reference.FamiliarMatch(p, ref)
			if err != nil {
				return nil, invalid("invalid filter 'reference=%s': %v", p, err)
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
		ID: s.ID.String(), Created: max(s.Created.Unix(), 0), RepoTags: tags, RepoDigests: digests,
		Labels: s.Labels, Size: s.Size, SharedSize: -1, Containers: -1,
	}
}

func createdAt(img *image.Image) time.Time {
	if img.Config.Created == nil {
		return time.Time{}
	}
	return *img.Config.Created
}

// splitNames tells tags from digests.
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

// InspectImage tells everything about an image.
func (e *Engine) InspectImage(ctx context.Context, ref string) (*apiimage.InspectResponse, error) {
	l, err := e.images.Find(ref)
	if err != nil {
		return nil, err
	}
	c := l.Config
	tags, digests := splitNames(l.Names)
	r := &apiimage.InspectResponse{
		ID: l.ID.String(), RepoTags: tags, RepoDigests: digests, Comment: c.Comment, Author: c.Author,
		Architecture: c.Architecture, Variant: c.Variant, Os: c.OS, OsVersion: c.OSVersion, Size: l.Size,
		Config: &c.Config, RootFS: apiimage.RootFS{Type: "layers"}, GraphDriver: e.graphDriver(ctx, l.ChainID().String()),
		Metadata: apiimage.Metadata{LastTagTime: l.Tagged},
	}
	if c.Created != nil {
		r.Created = c.Created.Format(time.RFC3339Nano)
	}
	for _, d := range c.RootFS.DiffIDs {
		r.RootFS.Layers = append(r.RootFS.Layers, d.String())
	}
	return r, nil
}

// ImageHistory tells how an image came about, the last step first.
func (e *Engine) ImageHistory(ctx context.Context, ref string) ([]apiimage.HistoryResponseItem, error) {
	l, err := e.images.Find(ref)
	if err != nil {
		return nil, err
	}
	out := []apiimage.HistoryResponseItem{}
	chain := l.ChainIDs()
	for _, h := range l.Config.History {
		item := apiimage.HistoryResponseItem{ID: "<missing>", CreatedBy: h.CreatedBy, Comment: h.Comment}
		if h.Created != nil {
			item.Created = h.Created.Unix()
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
	if len(out) > 0 {
		out[0].ID = l.ID.String()
		out[0].Tags, _ = splitNames(l.Names)
	}
	return out, nil
}

// TagImage gives an image one more name.
func (e *Engine) TagImage(_ context.Context, ref, repository, tag string) error {
	img, name, err := e.images.Tag(ref, repository, tag)
	if err != nil {
		return err
	}
	e.publishImage(events.ActionTag, img.ID, name, img.Config.Config.Labels)
	return nil
}

// RemoveImage takes a name away, and the image when it was the last.
func (e *Engine) RemoveImage(ctx context.Context, ref string, force, _ bool) ([]apiimage.DeleteResponse, error) {
	r, err := e.images.Remove(ctx, ref, force, e.userOf)
	if err != nil && r.Deleted == nil && r.Untagged == nil {
		return nil, err
	}
	out := []apiimage.DeleteResponse{}
	for _, n := range r.Untagged {
		out = append(out, apiimage.DeleteResponse{Untagged: n})
		e.publishImage(events.ActionUnTag, r.ID, r.ID.String(), r.Labels)
	}
	for i, d := range r.Deleted {
		out = append(out, apiimage.DeleteResponse{Deleted: d})
		if i == 0 {
			e.publishImage(events.ActionDelete, r.ID, r.ID.String(), r.Labels)
		}
	}
	return out, err
}

// releaseLayers deletes the layers that a removed container was the last to stand on, its image being gone already.
func (e *Engine) releaseLayers(ctx context.Context, rec *record) error {
	_, err := e.images.Lookup(rec.Image)
	if rec.Layer == "" || err == nil {
		return nil
	}
	return e.images.Release(ctx, digest.Digest(rec.Layer))
}

// userOf is a container that uses an image, one that runs before others.
func (e *Engine) userOf(id string) (name string, running bool) {
	for _, c := range e.all() {
		rec := c.snapshot()
		if rec.Image != id {
			continue
		}
		name = short(rec.ID)
		if st, _ := c.now(); st.running() {
			return name, true
		}
	}
	return name, false
}

// publishImage tells listeners of a change to an image; the image's labels are among the attributes.
func (e *Engine) publishImage(action events.Action, id digest.Digest, name string, labels map[string]string) {
	attributes := map[string]string{}
	for k, v := range labels {
		attributes[k] = v
	}
	attributes["name"] = name
	e.bus.Publish(events.ImageEventType, action, id.String(), attributes)
}
