package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// blob reads content from a registry. If the connection breaks or stalls, it resumes over another one. It returns no
// more bytes than its descriptor says; the caller has to verify them.
type blob struct {
	ctx   context.Context
	r     *repository
	d     ocispec.Descriptor
	wait  func(seconds int) error // called before each new attempt
	body  io.ReadCloser           // nil while there is no connection
	stop  context.CancelFunc      // ends the connection
	at    int64
	tries int // since the last progress
}

// blob opens content; Close must be called. All reads use ctx.
func (r *repository) blob(ctx context.Context, d ocispec.Descriptor, wait func(seconds int) error) *blob {
	return &blob{ctx: ctx, r: r, d: d, wait: wait}
}

// Read implements io.Reader.
func (b *blob) Read(p []byte) (int, error) {
	if b.at == b.d.Size {
		return 0, io.EOF
	}
	for {
		n, err := b.read(p[:min(int64(len(p)), b.d.Size-b.at)])
		if n > 0 {
			b.at += int64(n)
			b.tries = 0
			return n, nil
		}
		if err == nil {
			continue
		}
		b.Close()
		if err := b.again(err); err != nil {
			return 0, err
		}
	}
}

// read reads once, and makes an early end of the stream an error.
func (b *blob) read(p []byte) (int, error) {
	if b.body == nil {
		if err := b.open(); err != nil {
			return 0, err
		}
	}
	timer := time.AfterFunc(b.r.c.o.Idle, b.stop)
	n, err := b.body.Read(p)
	if !timer.Stop() && n == 0 && b.ctx.Err() == nil {
		return 0, fmt.Errorf("nothing came for %v: %w", b.r.c.o.Idle, errdefs.ErrUnavailable)
	}
	if n > 0 {
		return n, nil
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return 0, err
}

// again waits before the next attempt, or returns the final error.
func (b *blob) again(err error) error {
	if b.ctx.Err() != nil {
		return b.ctx.Err()
	}
	if b.tries++; b.tries >= b.r.c.o.Attempts || !passing(err) {
		return fmt.Errorf("download %s after %d of %d bytes: %w", b.d.Digest, b.at, b.d.Size, err)
	}
	return b.r.c.pause(b.ctx, b.tries, b.wait)
}

// open requests the rest of the content.
func (b *blob) open() error {
	ctx, stop := context.WithCancel(b.ctx)
	k := call{method: http.MethodGet, url: b.r.url("blobs/" + b.d.Digest.String()), scopes: b.r.pulling()}
	if b.at > 0 {
		k.header = http.Header{"Range": {fmt.Sprintf("bytes=%d-%d", b.at, b.d.Size-1)}}
	}
	timer := time.AfterFunc(b.r.c.o.Idle, stop)
	res, err := b.r.do(ctx, k)
	if !timer.Stop() && b.ctx.Err() == nil && err == nil {
		res.Body.Close()
		err = fmt.Errorf("no answer for %v: %w", b.r.c.o.Idle, errdefs.ErrUnavailable)
	}
	if err != nil {
		stop()
		return err
	}
	b.body, b.stop = res.Body, stop
	switch {
	case strings.HasPrefix(res.Header.Get("Content-Type"), "text/html"):
		err = unexpected(res, nil)
	case res.StatusCode == http.StatusPartialContent && res.ContentLength >= 0 && res.ContentLength != b.d.Size-b.at,
		res.StatusCode == http.StatusOK && res.ContentLength >= 0 && res.ContentLength != b.d.Size:
		err = &failure{message: fmt.Sprintf("content %s of %s has %d bytes, its manifest says %d", b.d.Digest, b.r.ref.Name(),
			res.ContentLength+b.at, b.d.Size)}
	case b.at > 0 && res.StatusCode != http.StatusPartialContent:
		_, err = io.CopyN(io.Discard, res.Body, b.at) // the registry ignores Range
	case b.at > 0 && !strings.HasPrefix(res.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", b.at)):
		err = unexpected(res, nil)
	}
	if err != nil {
		b.Close()
	}
	return err
}

// Close implements io.Closer.
func (b *blob) Close() error {
	if b.body != nil {
		b.stop()
		b.body.Close()
		b.body = nil
	}
	return nil
}

// bytes returns all of a small piece of content, verified.
func (r *repository) bytes(ctx context.Context, d ocispec.Descriptor) ([]byte, error) {
	b := r.blob(ctx, d, func(int) error { return nil })
	defer b.Close()
	raw, err := io.ReadAll(b)
	if err != nil {
		return nil, err
	}
	if got := digest.FromBytes(raw); got != d.Digest {
		return nil, fmt.Errorf("content of %s has the digest %s, not %s: %w", r.ref.Name(), got, d.Digest,
			errdefs.ErrDataLoss)
	}
	return raw, nil
}
