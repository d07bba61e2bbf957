package engine

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/events"
	apiimage "github.com/moby/moby/api/types/image"

	"box/engine/filter"
	"box/engine/image"
	"box/engine/refuse"
	"box/fs"
)

// imagePruneFilters are the keys that PruneImages knows.
var imagePruneFilters = []string{"dangling", "label", "label!", "until"}

// PruneImages deletes the images that no container uses: those without a tag, or with the filter dangling=false all.
func (e *Engine) PruneImages(ctx context.Context, f filter.Args) (*apiimage.PruneReport, error) {
	if !e.pruning.TryLock() {
		return nil, refuse.Conflict("a prune operation is already running")
	}
	defer e.pruning.Unlock()
	fits, err := e.pruneMatch(f)
	if err != nil {
		return nil, err
	}
	sizes := map[string]int64{}
	err = e.layers.Walk(ctx, func(i fs.Info) error { sizes[i.Name] = max(i.Size, 0); return nil })
	if err != nil {
		return nil, err
	}
	report := &apiimage.PruneReport{ImagesDeleted: []apiimage.DeleteResponse{}}
	for _, s := range e.images.List() {
		if ctx.Err() != nil {
			break // what is done is told
		}
		if !fits(s) {
			continue
		}
		done, err := e.pruneImage(ctx, s)
		if err != nil {
			return nil, err
		}
		report.ImagesDeleted = append(report.ImagesDeleted, done...)
	}
	for _, d := range report.ImagesDeleted {
		report.SpaceReclaimed += uint64(sizes[d.Deleted])
	}
	e.bus.Publish(ctx, events.ImageEventType, events.ActionPrune, "", map[string]string{"reclaimed": strconv.FormatUint(report.SpaceReclaimed, 10)})
	return report, nil
}

// pruneMatch tells which images a prune is after.
func (e *Engine) pruneMatch(f filter.Args) (func(image.Summary) bool, error) {
	if err := f.Check(imagePruneFilters); err != nil {
		return nil, err
	}
	until, err := f.Until(e.o.Now())
	if err != nil {
		return nil, err
	}
	all := false
	for _, v := range f["dangling"] {
		switch strings.ToLower(v) {
		case "0", "false":
			all = true
		case "1", "true":
		default:
			return nil, refuse.Invalid("invalid filter 'dangling=[%s]'", v)
		}
	}
	return func(s image.Summary) bool {
		if by, _ := e.userOf(s.ID.String()); by != "" {
			return false
		}
		return (all || dangling(s.Names)) && (until.IsZero() || !s.Created.After(until)) && f.Labels(s.Labels)
	}, nil
}

// pruneImage takes all names and then the image away. One that got a container meanwhile stays.
func (e *Engine) pruneImage(ctx context.Context, s image.Summary) (done []apiimage.DeleteResponse, err error) {
	refs := slices.Clone(s.Names)
	if len(refs) == 0 {
		refs = []string{s.ID.String()}
	}
	for _, ref := range refs {
		more, err := e.RemoveImage(ctx, ref, false, nil)
		if errdefs.IsConflict(err) || errdefs.IsNotFound(err) {
			continue // used meanwhile; a name that went with another
		}
		if err != nil {
			return done, err
		}
		done = append(done, more...)
	}
	return done, nil
}
