package engine

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/moby/moby/api/types/events"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"box/engine/image"
	"box/engine/image/change"
	"box/engine/progress"
	"box/engine/reference"
	"box/engine/refuse"
	"box/engine/registry"
	"box/fs/archive"
)

// LoadOptions says how Load loads.
type LoadOptions struct {
	Quiet    bool              // no progress
	Platform *ocispec.Platform // take only images for it, and refuse an archive that has none
}

// Load loads the images of an archive. It reports the names of each and, unless Quiet, the progress of layers.
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
				tell(progress.Line{Stream: fmt.Sprintf("The image %s already exists, renaming the old one with ID %s to empty "+
					"string\n", n, old)})
			}
			tell(progress.Line{Stream: "Loaded image: " + n + "\n"})
		}
	}
	return told
}

// Save writes images to one archive. If platform is not nil, the images must be for it.
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

// reporter turns progress into lines, and limits how many.
func reporter(tell func(progress.Line)) image.Progress {
	var last time.Time
	return func(id string, current, total int64) {
		if now := time.Now(); current == total || now.Sub(last) >= progress.Every {
			last = now
			tell(progress.Counted(id, "Loading layer", current, total))
		}
	}
}

// Importing says what Import makes.
type Importing struct {
	Source     string    // a URL, or "-" for Body
	Body       io.Reader // a tar, plain or compressed
	Repository string    // with Tag the name, "" for none
	Tag        string
	Message    string   // for the history; "" for one that names the source
	Changes    []string // instructions of a Dockerfile
	Platform   *ocispec.Platform
}

// Import makes an image with one layer. The last line that it sends is the image's ID.
func (e *Engine) Import(ctx context.Context, q Importing, out func(progress.Line) error) error {
	defer e.trim()
	var config dockerspec.DockerOCIImageConfig
	if err := change.Change(&config, q.Changes); err != nil {
		return err
	}
	if named, err := reference.Parse(q.Repository); err == nil {
		if named.Digest != "" {
			return refuse.Invalid("cannot import digest reference")
		}
	}
	if q.Repository != "" { // before anything is read
		if err := image.CheckName(q.Repository, q.Tag); err != nil {
			return err
		}
	}
	if q.Message == "" {
		q.Message = "Imported from " + q.Source
	}
	body := q.Body
	if q.Source != "-" {
		fetched, err := e.fetch(ctx, q.Source, out)
		if err != nil {
			return err
		}
		defer fetched.Close()
		body = fetched
	}
	plain, _, err := archive.Decompress(body)
	if err != nil {
		return fmt.Errorf("import: %w", err)
	}
	defer plain.Close()
	files, err := image.Files(plain)
	if err != nil {
		return err
	}
	img, name, err := e.images.Derive(ctx, nil, archive.Whole(files), image.Step{
		Config: config, Platform: q.Platform, Created: e.o.Now(), Comment: q.Message, Repository: q.Repository, Tag: q.Tag,
	})
	if err != nil {
		return err
	}
	if name != "" {
		e.publishImage(ctx, events.ActionTag, img.ID, name, config.Labels)
	}
	e.publishImage(ctx, events.ActionImport, img.ID, img.ID.String(), config.Labels)
	return out(progress.Said("%s", img.ID))
}

// fetch opens a URL, and reports how much was read.
func (e *Engine) fetch(ctx context.Context, url string, out func(progress.Line) error) (io.ReadCloser, error) {
	if !strings.Contains(url, "://") {
		url = "http://" + url
	}
	body, size, err := registry.Fetch(ctx, url)
	if err != nil {
		return nil, err
	}
	if err := out(progress.Said("Downloading from %s", url)); err != nil {
		body.Close()
		return nil, err
	}
	tell := progress.Paced(func(current, total int64) error {
		return out(progress.Counted("", "Importing", current, total))
	})
	return &watched{body, 0, size, tell}, nil
}

// watched is a stream that reports how much was read.
type watched struct {
	io.ReadCloser
	current, total int64
	tell           func(current, total int64) error
}

// Read implements io.Reader.
func (w *watched) Read(p []byte) (int, error) {
	n, err := w.ReadCloser.Read(p)
	if n > 0 {
		w.current += int64(n)
		if terr := w.tell(w.current, w.total); err == nil {
			err = terr
		}
	}
	return n, err
}
