package engine

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/moby/moby/api/types/events"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"box/engine/image"
	"box/engine/progress"
)

// LoadOptions is what Load is to do.
type LoadOptions struct {
	Quiet    bool              // no progress
	Platform *ocispec.Platform // take only images for it, and refuse an archive that has none
}

// Load takes in the images of an archive and says of each what it is called now, and, unless Quiet, how far the layers are.
func (e *Engine) Load(ctx context.Context, r io.Reader, o LoadOptions, out func(progress.Line) error) error {
	defer e.trim()
	var report image.Progress
	var told error // out's first error: who listened is gone, and what is loaded stays loaded
	tell := func(p progress.Line) {
		if told == nil {
			told = out(p)
		}
	}
	if !o.Quiet {
		report = reporter(tell)
	}
	loaded, err := e.images.Load(ctx, r, image.LoadOptions{Progress: report, Platform: o.Platform})
	if err != nil {
		return err
	}
	for _, l := range loaded {
		e.publishImage(ctx, events.ActionLoad, l.Image.ID, l.Image.ID.String(), l.Image.Config.Config.Labels)
		if len(l.Names) == 0 {
			tell(progress.Line{Stream: "Loaded image ID: " + l.Image.ID.String() + "\n"})
		}
		for _, n := range l.Names {
			if old, ok := l.Moved[n]; ok {
				tell(progress.Line{Stream: fmt.Sprintf("The image %s already exists, renaming the old one with ID %s to empty string\n", n, old)})
			}
			tell(progress.Line{Stream: "Loaded image: " + n + "\n"})
		}
	}
	return told
}

// Save writes images as one archive; platform, where given, is the one they have to be for.
func (e *Engine) Save(ctx context.Context, names []string, platform *ocispec.Platform, w io.Writer) error {
	defer e.trim()
	saved, err := e.images.Save(ctx, names, platform, w)
	if err != nil {
		return err
	}
	for _, img := range saved {
		e.publishImage(ctx, events.ActionSave, img.ID, img.ID.String(), img.Config.Config.Labels)
	}
	return nil
}

// reporter turns progress into lines, not too many of them.
func reporter(tell func(progress.Line)) image.Progress {
	var last time.Time
	return func(id string, current, total int64) {
		if now := time.Now(); current == total || now.Sub(last) >= progress.Every {
			last = now
			tell(progress.Counted(id, "Loading layer", current, total))
		}
	}
}
