package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/opencontainers/go-digest"

	"box/engine/image"
	"box/fs/archive"
	"box/panics"
)

// has reports whether content is in the repository.
func (r *repository) has(ctx context.Context, d digest.Digest) (bool, error) {
	res, err := r.do(ctx, call{method: http.MethodHead, url: r.url("blobs/" + d.String()), scopes: r.pushing()})
	var f *failure
	if errors.As(err, &f) && f.status == http.StatusNotFound {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	res.Body.Close()
	return res.StatusCode == http.StatusOK, nil
}

// mount mounts content from another repository of the same registry (OCI distribution-spec, "Mounting a blob from
// another repository"). A refusal is no error: the layer is sent instead.
func (r *repository) mount(ctx context.Context, d digest.Digest, from string) (bool, error) {
	q := url.Values{"mount": {d.String()}, "from": {from}}
	k := call{method: http.MethodPost, url: r.url("blobs/uploads/?" + q.Encode()),
		scopes: append(r.pushing(), "repository:"+from+":pull")}
	res, err := r.do(ctx, k)
	var f *failure
	if errors.As(err, &f) && f.status < 500 {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	drain(res)
	if res.StatusCode == http.StatusCreated {
		return true, nil
	}
	// The registry has started an upload instead: cancel it.
	if at, err := r.resolve(k.url, res.Header.Get("Location")); err == nil {
		if res, err := r.do(ctx, call{method: http.MethodDelete, url: at, scopes: r.pushing()}); err == nil {
			drain(res)
		}
	}
	return false, nil
}

// begin starts an upload and returns its address.
func (r *repository) begin(ctx context.Context) (string, error) {
	k := call{method: http.MethodPost, url: r.url("blobs/uploads/"), scopes: r.pushing()}
	res, err := r.do(ctx, k)
	if err != nil {
		return "", err
	}
	drain(res)
	if res.StatusCode != http.StatusAccepted {
		return "", unexpected(res, nil)
	}
	return r.resolve(k.url, res.Header.Get("Location"))
}

// finish completes an upload; raw is all of its content unless that was sent before.
func (r *repository) finish(ctx context.Context, at string, d digest.Digest, raw []byte) error {
	u, err := url.Parse(at)
	if err != nil {
		return err
	}
	q := u.Query()
	q.Set("digest", d.String())
	u.RawQuery = q.Encode()
	res, err := r.do(ctx, call{method: http.MethodPut, url: u.String(), scopes: r.pushing(), again: raw,
		header: http.Header{"Content-Type": {"application/octet-stream"}}})
	if err != nil {
		return err
	}
	drain(res)
	if res.StatusCode != http.StatusCreated && res.StatusCode != http.StatusNoContent {
		return unexpected(res, nil)
	}
	return nil
}

// put uploads a small piece of content.
func (r *repository) put(ctx context.Context, d digest.Digest, raw []byte) error {
	at, err := r.begin(ctx)
	if err != nil {
		return err
	}
	return r.finish(ctx, at, d, raw)
}

// send compresses a layer while sending it. A transfer that breaks starts over.
func (u *upload) send(ctx context.Context, n int) (image.Blob, error) {
	id := shortOf(u.diffs()[n])
	for try := 1; ; try++ {
		b, err := u.sendOnce(ctx, n)
		if err == nil || ctx.Err() != nil || try >= u.r.c.o.Attempts || !passing(err) || u.gone() {
			return b, err
		}
		if err := u.r.c.pause(ctx, try,
			func(seconds int) error { return u.say(Line{ID: id, Status: retrying(seconds)}) }); err != nil {
			return b, err
		}
	}
}

// gone reports whether tell has failed, so that nobody listens any more.
func (u *upload) gone() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.err != nil
}

func (u *upload) sendOnce(ctx context.Context, n int) (b image.Blob, err error) {
	at, err := u.r.begin(ctx)
	if err != nil {
		return b, err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	r, w := io.Pipe()
	sum := digest.SHA256.Digester()
	packed := make(chan error, 1)
	var size int64
	go func() {
		out := writeFunc(func(p []byte) (int, error) {
			sum.Hash().Write(p)
			size += int64(len(p))
			return w.Write(p)
		})
		err := panics.Call(func() error { return u.pack(ctx, n, out) })
		w.CloseWithError(err)
		packed <- err
	}()
	idle := time.AfterFunc(u.r.c.o.Idle, stop)
	res, err := u.r.do(ctx, call{method: http.MethodPatch, url: at, scopes: u.r.pushing(), length: -1,
		header: http.Header{"Content-Type": {"application/octet-stream"}},
		body: readFunc(func(p []byte) (int, error) {
			idle.Reset(u.r.c.o.Idle)
			return r.Read(p)
		})})
	idle.Stop()
	r.CloseWithError(errors.New("the transfer has ended"))
	if perr := <-packed; err == nil {
		err = perr
	}
	if err != nil {
		return b, err
	}
	drain(res)
	if at, err = u.r.resolve(at, res.Header.Get("Location")); err != nil {
		return b, err
	}
	b = image.Blob{Digest: sum.Digest(), Size: size, MediaType: dockerLayer}
	return b, u.r.finish(ctx, at, b.Digest, nil)
}

// pack writes a layer's tar, compressed, and reports progress.
func (u *upload) pack(ctx context.Context, n int, w io.Writer) error {
	id, total := shortOf(u.diffs()[n]), u.img.Size(ctx, n)
	z := archive.CompressGzip(w)
	var done int64
	var said time.Time
	err := u.img.Layer(ctx, n, writeFunc(func(p []byte) (int, error) {
		got, err := z.Write(p)
		done += int64(got)
		if time.Since(said) >= tellEvery {
			said = time.Now()
			if serr := u.say(Line{ID: id, Status: "Pushing", Current: done, Total: total}); err == nil {
				err = serr
			}
		}
		return got, err
	}))
	if err = errors.Join(err, z.Close()); err != nil {
		return err
	}
	return u.say(Line{ID: id, Status: "Pushing", Current: done, Total: total})
}

// writeFunc makes an io.Writer of a function.
type writeFunc func(p []byte) (int, error)

func (f writeFunc) Write(p []byte) (int, error) { return f(p) }

// retrying is Docker's text while a transfer waits for its next attempt.
func retrying(seconds int) string {
	if seconds == 1 {
		return "Retrying in 1 second"
	}
	return fmt.Sprintf("Retrying in %d seconds", seconds)
}

// pause waits before another attempt, longer after each one, and counts down the seconds.
func (c *Client) pause(ctx context.Context, tries int, tell func(seconds int) error) error {
	for left := time.Duration(tries) * c.o.Backoff; left > 0; left -= time.Second {
		if err := tell(int((left + time.Second - 1) / time.Second)); err != nil {
			return err
		}
		t := time.NewTimer(min(left, time.Second))
		select {
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		case <-t.C:
		}
	}
	return nil
}
