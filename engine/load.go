package engine

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/moby/moby/api/types/events"

	"box/engine/image"
)

// progressEvery is the least time between two reports on one layer.
const progressEvery = 100 * time.Millisecond

// streamed is one line of a progress stream.
type streamed struct {
	Stream string `json:"stream"`
}

// loading is how far one layer of an archive is.
type loading struct {
	Status string `json:"status"`
	Detail struct {
		Current int64 `json:"current"`
		Total   int64 `json:"total"`
	} `json:"progressDetail"`
	ID string `json:"id"`
}

// Load takes in the images of an archive and says of each what it is called now, and, unless quiet, how far the layers are.
func (e *Engine) Load(ctx context.Context, r io.Reader, quiet bool, out func(any) error) error {
	var progress image.Progress
	var told error // out's first error: who listened is gone, and what is loaded stays loaded
	tell := func(v any) {
		if told == nil {
			told = out(v)
		}
	}
	if !quiet {
		progress = reporter(tell)
	}
	loaded, err := e.images.Load(ctx, r, progress)
	if err != nil {
		return err
	}
	for _, l := range loaded {
		e.publishImage(events.ActionLoad, l.Image.ID, l.Image.ID.String(), l.Image.Config.Config.Labels)
		if len(l.Names) == 0 {
			tell(streamed{"Loaded image ID: " + l.Image.ID.String() + "\n"})
		}
		for _, n := range l.Names {
			if old, ok := l.Moved[n]; ok {
				tell(streamed{fmt.Sprintf("The image %s already exists, renaming the old one with ID %s to empty string\n", n, old)})
			}
			tell(streamed{"Loaded image: " + n + "\n"})
		}
	}
	return told
}

// reporter turns progress into lines, not too many of them.
func reporter(tell func(any)) image.Progress {
	var last time.Time
	return func(id string, current, total int64) {
		if now := time.Now(); current == total || now.Sub(last) >= progressEvery {
			last = now
			l := loading{Status: "Loading layer", ID: id}
			l.Detail.Current, l.Detail.Total = current, total
			tell(l)
		}
	}
}
