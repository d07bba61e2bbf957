package engine

import (
	"context"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/distribution/reference"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/moby/moby/api/types/events"
	apiimage "github.com/moby/moby/api/types/image"

	"box/engine/image"
)

// imageFilters are the keys that Images knows.
var imageFilters = []string{"before", "dangling", "label", "reference", "since", "until"}

// Images describes images, the newest first.
func (e *Engine) Images(_ context.Context, _ bool, f Filters) ([]apiimage.Summary, error) {
	if err := f.check(imageFilters); err != nil {
		return nil, err
	}
	bound := func(key string) (time.Time, error) {
		if !f.has(key) {
			return time.Time{}, nil
		}
		img, err := e.images.Resolve(f[key][0])
		if err != nil {
			return time.Time{}, err
		}
		return createdAt(img), nil
	}
	before, err := bound("before")
	if err != nil {
		return nil, err
	}
	since, err := bound("since")
	if err != nil {
		return nil, err
	}
	out := []apiimage.Summary{}
	for _, l := range e.images.List() {
		at := createdAt(l.Image)
		if f.has("reference") {
			l.Names = slices.DeleteFunc(l.Names, func(n string) bool { return !f.any("reference", func(p string) bool { return matchReference(p, n) }) })
			if len(l.Names) == 0 {
				continue
			}
		}
		fits := f.labels(l.Config.Config.Labels) &&
			f.any("dangling", func(v string) bool { return (v == "true" || v == "1") == (len(l.Names) == 0) }) &&
			(before.IsZero() || at.Before(before)) && (since.IsZero() || at.After(since))
		if fits {
			out = append(out, imageSummary(&l, at))
		}
	}
	return out, nil
}

func imageSummary(l *image.Listed, at time.Time) apiimage.Summary {
	tags, digests := splitNames(l.Names)
	return apiimage.Summary{
		ID: l.ID.String(), Created: max(at.Unix(), 0), RepoTags: tags, RepoDigests: digests,
		Labels: l.Config.Config.Labels, Size: l.Size, SharedSize: -1, Containers: -1,
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

// matchReference is the pattern of the filter reference: on the name with its tag, or without.
func matchReference(pattern, name string) bool {
	for _, n := range []string{name, strings.TrimSuffix(name, name[strings.LastIndexByte(name, ':')+1:])} {
		if ok, _ := path.Match(pattern, strings.TrimSuffix(n, ":")); ok {
			return true
		}
	}
	return false
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
		Created: apiTime(createdAt(l.Image)), Architecture: c.Architecture, Variant: c.Variant, Os: c.OS, Size: l.Size,
		Config: &dockerspec.DockerOCIImageConfig{ImageConfig: c.Config},
		RootFS: apiimage.RootFS{Type: "layers"}, GraphDriver: e.graphDriver(ctx, l.ChainID().String()),
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
		item := apiimage.HistoryResponseItem{ID: "<missing>", CreatedBy: h.CreatedBy, Comment: h.Comment, Tags: nil}
		if h.Created != nil {
			item.Created = h.Created.Unix()
		}
		if !h.EmptyLayer && len(chain) > 0 {
			if info, err := e.layers.Stat(ctx, chain[0].String()); err == nil {
				item.Size = max(info.Size, 0)
			}
			chain = chain[1:]
		}
		out = append(out, item)
	}
	slices.Reverse(out)
	if len(out) > 0 {
		out[0].ID, out[0].Tags = l.ID.String(), l.Names
	}
	return out, nil
}

// TagImage gives an image one more name.
func (e *Engine) TagImage(_ context.Context, ref, repository, tag string) error {
	img, err := e.images.Tag(ref, repository, tag)
	if err != nil {
		return err
	}
	if tag != "" {
		repository += ":" + tag
	}
	e.publishImage(events.ActionTag, img.ID.String(), repository)
	return nil
}

// RemoveImage takes a name away, and the image when it was the last.
func (e *Engine) RemoveImage(ctx context.Context, ref string, force, _ bool) ([]apiimage.DeleteResponse, error) {
	r, err := e.images.Remove(ctx, ref, force, e.userOf)
	if err != nil {
		return nil, err
	}
	out := []apiimage.DeleteResponse{}
	for _, n := range r.Untagged {
		out = append(out, apiimage.DeleteResponse{Untagged: n})
		e.publishImage(events.ActionUnTag, r.Image.ID.String(), r.Image.ID.String())
	}
	for i, d := range r.Deleted {
		out = append(out, apiimage.DeleteResponse{Deleted: d})
		if i == 0 {
			e.publishImage(events.ActionDelete, d, d)
		}
	}
	return out, nil
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

func (e *Engine) publishImage(action events.Action, id, name string) {
	if n, err := reference.ParseNormalizedNamed(name); err == nil && !strings.HasPrefix(name, "sha256:") {
		name = reference.FamiliarString(reference.TagNameOnly(n))
	}
	attributes := map[string]string{"name": name}
	if img, err := e.images.Resolve(id); err == nil {
		for k, v := range img.Config.Config.Labels {
			attributes[k] = v
		}
	}
	e.bus.Publish(events.ImageEventType, action, id, attributes)
}
