package engine

import (
	"context"
	"fmt"
	"io"
	"strings"

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

// Importing is what an image is to be made from.
type Importing struct {
	Source     string    // a URL, or "-" for Body
	Body       io.Reader // a tar, plain or compressed
	Repository string    // with Tag the name, "" for none
	Tag        string
	Message    string   // for the history; "" for one that names the source
	Changes    []string // instructions of a Dockerfile
	Platform   *ocispec.Platform
}

// Import makes an image of one layer. The last line that it tells is the image's ID.
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

// fetch opens what a URL names; what is read of it is told.
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

// watched is a stream that tells how much of it was read.
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
