package engine

import (
	"context"
	"io"

	"github.com/moby/moby/api/types/events"
)

// streamed is one line of a progress stream.
type streamed struct {
	Stream string `json:"stream"`
}

// Load takes in the images of an archive and says of each what it is called now.
func (e *Engine) Load(ctx context.Context, r io.Reader, _ bool, out func(any) error) error {
	loaded, err := e.images.Load(ctx, r)
	if err != nil {
		return err
	}
	for _, l := range loaded {
		e.publishImage(events.ActionLoad, l.Image.ID.String(), l.Image.ID.String())
		if len(l.Names) == 0 {
			if err := out(streamed{"Loaded image ID: " + l.Image.ID.String() + "\n"}); err != nil {
				return err
			}
		}
		for _, n := range l.Names {
			if err := out(streamed{"Loaded image: " + n + "\n"}); err != nil {
				return err
			}
		}
	}
	return nil
}
