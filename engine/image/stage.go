package image

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"

	"box/fs"
	"box/fs/archive"
	"box/panics"
)

// layer is one layer read from a stream, before it is known what is below it. Its content is in one of three places.
type layer struct {
	diff  digest.Digest
	size  int64
	key   string // staged in the driver under this key,
	spool string // or in this file of the store, compressed,
	chain string // or in the driver already, committed under this name
	taken bool   // the staged layer will be committed: another use needs a copy
}

// stager brings layers from streams into the driver. drop removes everything that it made and that was not committed.
// Several goroutines may each take a layer.
type stager struct {
	c *Catalog

	mu    sync.Mutex
	keys  []string                // staged in the driver
	files []string                // spooled in the store
	unpin []func(context.Context) // for committed layers that are needed here
}

// hold keeps a committed layer until drop, and reports whether it exists.
func (s *stager) hold(ctx context.Context, chain digest.Digest) (ok bool) {
	s.c.layering.Lock()
	defer s.c.layering.Unlock()
	if !s.c.committed(ctx, chain) {
		return false
	}
	s.unpin = append(s.unpin, s.c.pinHeld([]digest.Digest{chain}))
	return true
}

// made records something for drop to remove.
func (s *stager) made(list *[]string, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*list = append(*list, name)
}

// drop removes whatever was not committed. The next Open removes what it cannot, so errors are ignored. The caller
// does not hold c.layering.
func (s *stager) drop(ctx context.Context) {
	for i := len(s.keys) - 1; i >= 0; i-- { // a later one may stand on an earlier
		info, err := s.c.layers.Stat(ctx, s.keys[i])
		if err == nil && info.State == fs.Staged {
			_ = s.c.layers.Remove(ctx, s.keys[i])
		}
	}
	for _, f := range s.files {
		_ = s.c.store.disk.Remove(f)
	}
	for _, unpin := range s.unpin {
		unpin(ctx)
	}
}

func (s *stager) rebases() bool {
	r, ok := s.c.layers.(fs.Rebaser)
	return ok && r.Rebases()
}

// take reads one layer, plain or compressed, to its end: into the driver if it can stack layers later, else into a
// file. want is the expected digest of the bytes as they come, "" for any.
func (s *stager) take(ctx context.Context, r io.Reader, want digest.Digest) (*layer, error) {
	b := bufio.NewReaderSize(r, 64<<10)
	head, err := b.Peek(archive.Magic)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if want == "" || archive.Detect(head) == archive.None {
		l, err := s.unpack(ctx, b)
		if err == nil && want != "" && l.diff != want {
			err = wrongDigest(l.diff)
		}
		return l, err
	}
	sum := digest.SHA256.Digester()
	var broken error // of the stream itself
	packed := io.TeeReader(readFunc(func(p []byte) (int, error) {
		n, err := b.Read(p)
		if err != nil && !errors.Is(err, io.EOF) {
			broken = err
		}
		return n, err
	}), sum.Hash())
	l, err := s.unpack(ctx, packed)
	if broken != nil || ctx.Err() != nil {
		return nil, errors.Join(err, broken, ctx.Err())
	}
	// Read on even if it did not unpack: the digest tells whether it came intact.
	if _, rerr := io.Copy(io.Discard, packed); rerr != nil {
		return nil, rerr
	}
	if sum.Digest() != want {
		return nil, wrongDigest(sum.Digest())
	}
	return l, err
}

// digestError reports content that does not match its digest.
type digestError struct{ got digest.Digest }

func (e *digestError) Error() string {
	return fmt.Sprintf("content has the digest %s: %v", e.got, e.Unwrap())
}
func (*digestError) Unwrap() error { return errdefs.ErrInvalidArgument }

func wrongDigest(d digest.Digest) error { return &digestError{d} }

// IsWrongDigest reports whether err means that content did not match its digest.
func IsWrongDigest(err error) bool {
	var d *digestError
	return errors.As(err, &d)
}

// unpack is take without checking the digest of the compressed bytes. Decompressing, hashing and writing each have a
// goroutine.
func (s *stager) unpack(ctx context.Context, r io.Reader) (*layer, error) {
	plain, _, err := archive.Decompress(r)
	if err != nil {
		return nil, err
	}
	defer plain.Close()
	sum := digest.SHA256.Digester()
	ahead := archive.NewAhead(plain, sum.Hash())
	defer ahead.Close()
	l := &layer{}
	if s.rebases() {
		l.key, l.size, err = s.fill(ctx, "", ahead)
	} else {
		l.spool, err = s.keep(ctx, ahead)
	}
	if err == nil {
		l.diff = sum.Digest() // the hash is complete only at the end of the stream
	}
	return l, err
}

// fill applies a tar as a new staged layer.
func (s *stager) fill(ctx context.Context, parent string, tar io.Reader) (key string, size int64, err error) {
	key = stagingKey()
	if err := s.c.layers.Prepare(ctx, key, parent, fs.PrepareOptions{Purpose: fs.ForLayer, IDMaps: s.c.ids}); err != nil {
		return "", 0, err
	}
	s.made(&s.keys, key)
	size, err = s.c.layers.Apply(ctx, key, tar)
	return key, size, err
}

func stagingKey() string {
	b := make([]byte, 16)
	rand.Read(b) // never returns an error (crypto/rand)
	return "staged-" + hex.EncodeToString(b)
}

// keep writes a tar to a file of the store, lightly compressed. The layer's size is known once it is applied.
func (s *stager) keep(ctx context.Context, tar io.Reader) (string, error) {
	f, err := s.c.store.temp()
	if err != nil {
		return "", fmt.Errorf("keep layer: %w", err)
	}
	s.made(&s.files, f.Name())
	z, err := archive.Compress(s.c.store.disk.Writer(f))
	if err == nil {
		_, err = io.Copy(z, until(ctx, tar))
		err = errors.Join(err, z.Close())
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return "", fmt.Errorf("keep layer: %w", err)
	}
	return f.Name(), nil
}

// readFunc makes an io.Reader of a function.
type readFunc func(p []byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

// until makes reads fail once ctx ends.
func until(ctx context.Context, r io.Reader) io.Reader {
	return readFunc(func(p []byte) (int, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		return r.Read(p)
	})
}

// place makes l a staged layer on parent (a name in the driver) for one commit. A layer needed on several others is
// copied: its exact tar is rebuilt and applied.
func (s *stager) place(ctx context.Context, l *layer, parent string) (key string, size int64, err error) {
	switch {
	case l.spool != "":
		return s.unspool(ctx, l, parent)
	case l.key != "" && !l.taken:
		l.taken = true
		return l.key, l.size, nil
	}
	from := l.chain
	if from == "" {
		from = l.key
	}
	r, w := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.CloseWithError(panics.Call(func() error { return s.c.layers.Tar(ctx, from, w) }))
	}()
	defer func() { r.Close(); <-done }()
	sum := digest.SHA256.Digester()
	if s.rebases() {
		parent = ""
	}
	key, size, err = s.fill(ctx, parent, io.TeeReader(r, sum.Hash()))
	if err == nil && sum.Digest() != l.diff {
		err = fmt.Errorf("layer %s on the disk is not what it was: %w", from, errdefs.ErrDataLoss)
	}
	return key, size, err
}

func (s *stager) unspool(ctx context.Context, l *layer, parent string) (string, int64, error) {
	f, err := os.Open(l.spool)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	plain, _, err := archive.Decompress(f)
	if err != nil {
		return "", 0, err
	}
	defer plain.Close()
	return s.fill(ctx, parent, plain)
}
