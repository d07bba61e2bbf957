package image

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"time"

	"github.com/containerd/errdefs"
	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"

	"box/fs"
	"box/fs/archive"
)

// Limits of an archive: what is small is kept in memory, so it is counted.
const (
	maxSmall  = 64 << 20 // bytes of all files that are not layers
	maxStaged = 4096     // layers
)

// pending is an image that is to be added.
type pending struct {
	img   *Image
	size  int64
	names []string
}

// staged is a layer that was applied from the archive before anybody said what it is for.
type staged struct {
	key  string // in the driver
	diff digest.Digest
	size int64
}

// loader reads one archive.
type loader struct {
	c      *Catalog
	small  map[string][]byte // by cleaned path
	bytes  int64
	layers map[string]staged // by cleaned path
	links  map[string]string
	made   []string // every staged key, to be removed at the end unless committed
}

// Loaded is one image that came out of an archive.
type Loaded struct {
	Image *Image
	Names []string // as users type them
}

// Load reads an archive as `docker save` writes it, of before and after Docker 25, plain or compressed. Layers go straight
// from the stream into the driver, whoever they belong to; only when all is there and matches its digests do images,
// names and layers appear, together and durable. After an error nothing is left.
func (c *Catalog) Load(ctx context.Context, r io.Reader) ([]Loaded, error) {
	l := &loader{c: c, small: map[string][]byte{}, layers: map[string]staged{}, links: map[string]string{}}
	defer l.drop(context.WithoutCancel(ctx))
	plain, _, err := archive.Decompress(r)
	if err != nil {
		return nil, fmt.Errorf("read archive: %w", err)
	}
	defer plain.Close()
	if err := l.read(ctx, plain); err != nil {
		return nil, err
	}
	wanted, err := l.manifest()
	if err != nil {
		return nil, err
	}
	return l.finish(ctx, wanted)
}

// drop removes the layers that nobody committed.
func (l *loader) drop(ctx context.Context) {
	for _, key := range l.made {
		if info, err := l.c.layers.Stat(ctx, key); err == nil && info.State == fs.Staged {
			_ = l.c.layers.Remove(ctx, key)
		}
	}
}

// read takes every entry of the archive.
func (l *loader) read(ctx context.Context, r io.Reader) error {
	t := tar.NewReader(r)
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read archive: %w: %w", err, errdefs.ErrInvalidArgument)
		}
		name := path.Clean("/" + h.Name)
		switch h.Typeflag {
		case tar.TypeReg:
			if err := l.file(ctx, name, t); err != nil {
				return fmt.Errorf("%s in the archive: %w", h.Name, err)
			}
		case tar.TypeSymlink, tar.TypeLink:
			to := path.Join(path.Dir(name), h.Linkname)
			if h.Typeflag == tar.TypeLink {
				to = h.Linkname
			}
			l.links[name] = path.Clean("/" + to)
		}
	}
}

// file keeps what is small and applies what is a layer; which one it is, its first bytes tell.
func (l *loader) file(ctx context.Context, name string, r io.Reader) error {
	b := bufio.NewReaderSize(r, 1024)
	head, err := b.Peek(512)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if !isLayer(head) {
		raw, err := io.ReadAll(io.LimitReader(b, maxSmall-l.bytes+1))
		if err != nil {
			return err
		}
		if l.bytes += int64(len(raw)); l.bytes > maxSmall {
			return fmt.Errorf("files that are no layers take more than %d bytes: %w", maxSmall, errdefs.ErrOutOfRange)
		}
		l.small[name] = raw
		return nil
	}
	if len(l.made) >= maxStaged {
		return fmt.Errorf("more than %d layers: %w", maxStaged, errdefs.ErrOutOfRange)
	}
	s, err := l.stage(ctx, b)
	if err != nil {
		return err
	}
	l.layers[name] = s
	return nil
}

// isLayer tells a tar, plain or compressed, from JSON and text: by the magic of ustar at 257 or of the compression.
func isLayer(head []byte) bool {
	if len(head) == 512 && bytes.HasPrefix(head[257:], []byte("ustar")) {
		return true
	}
	for _, magic := range []string{"\x1f\x8b", "\x28\xb5\x2f\xfd", "BZh"} {
		if bytes.HasPrefix(head, []byte(magic)) {
			return true
		}
	}
	return len(head) == 512 && len(bytes.Trim(head, "\x00")) == 0 // an empty tar
}

// stage applies one layer under a key of its own and takes its digest on the way.
func (l *loader) stage(ctx context.Context, r io.Reader) (staged, error) {
	key := stagingKey()
	if err := l.c.layers.Prepare(ctx, key, "", fs.PrepareOptions{Purpose: fs.ForLayer}); err != nil {
		return staged{}, err
	}
	l.made = append(l.made, key)
	plain, _, err := archive.Decompress(r)
	if err != nil {
		return staged{}, err
	}
	defer plain.Close()
	hash := digest.SHA256.Digester()
	ahead := archive.NewAhead(plain, hash.Hash())
	defer ahead.Close()
	size, err := l.c.layers.Apply(ctx, key, ahead)
	if err != nil {
		return staged{}, err
	}
	if _, err := io.Copy(io.Discard, ahead); err != nil {
		return staged{}, err
	}
	if err := ahead.Close(); err != nil {
		return staged{}, err
	}
	return staged{key: key, diff: hash.Digest(), size: size}, nil
}

func stagingKey() string {
	var b [16]byte
	rand.Read(b[:])
	return "staged-" + hex.EncodeToString(b[:])
}

// entry is one image of manifest.json.
type entry struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// manifest reads what the archive says of itself: manifest.json, or the OCI index where there is none.
func (l *loader) manifest() ([]entry, error) {
	raw, ok := l.small["/manifest.json"]
	if !ok {
		return l.index()
	}
	var list []entry
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, fmt.Errorf("manifest.json in the archive: %w: %w", err, errdefs.ErrInvalidArgument)
	}
	return list, nil
}

// index reads an OCI image layout (OCI image spec, image-layout.md).
func (l *loader) index() ([]entry, error) {
	type descriptor struct {
		Digest      digest.Digest
		Annotations map[string]string
	}
	var index struct{ Manifests []descriptor }
	raw, ok := l.small["/index.json"]
	if !ok {
		return nil, fmt.Errorf("archive holds neither manifest.json nor index.json: it is no image: %w", errdefs.ErrInvalidArgument)
	}
	if err := json.Unmarshal(raw, &index); err != nil {
		return nil, fmt.Errorf("index.json in the archive: %w: %w", err, errdefs.ErrInvalidArgument)
	}
	var list []entry
	for _, d := range index.Manifests {
		var m struct {
			Config descriptor
			Layers []descriptor
		}
		if err := d.Digest.Validate(); err != nil {
			return nil, fmt.Errorf("digest %q in index.json: %w", d.Digest, errdefs.ErrInvalidArgument)
		}
		raw, ok := l.small[blob(d.Digest)]
		if !ok || json.Unmarshal(raw, &m) != nil || m.Config.Digest.Validate() != nil {
			return nil, fmt.Errorf("manifest %s is not in the archive: %w", d.Digest, errdefs.ErrInvalidArgument)
		}
		e := entry{Config: blob(m.Config.Digest)}
		for _, layer := range m.Layers {
			if err := layer.Digest.Validate(); err != nil {
				return nil, fmt.Errorf("digest %q of a layer: %w", layer.Digest, errdefs.ErrInvalidArgument)
			}
			e.Layers = append(e.Layers, blob(layer.Digest))
		}
		if n := d.Annotations["io.containerd.image.name"]; n != "" {
			e.RepoTags = []string{n}
		}
		list = append(list, e)
	}
	return list, nil
}

func blob(d digest.Digest) string { return "/blobs/" + d.Algorithm().String() + "/" + d.Encoded() }

// follow resolves links inside the archive.
func (l *loader) follow(name string) string {
	name = path.Clean("/" + name)
	for range 16 {
		to, ok := l.links[name]
		if !ok {
			break
		}
		name = to
	}
	return name
}

// finish checks every image against what was applied, makes it durable, and adds all in one step.
func (l *loader) finish(ctx context.Context, wanted []entry) ([]Loaded, error) {
	var images []pending
	var loaded []Loaded
	var commits []fs.Commit
	planned := map[digest.Digest]int64{}
	for _, e := range wanted {
		p, more, err := l.image(ctx, e, planned)
		if err != nil {
			return nil, err
		}
		images, commits = append(images, p), append(commits, more...)
		loaded = append(loaded, Loaded{Image: p.img, Names: familiar(p.names)})
	}
	var keys []string
	for _, c := range commits {
		keys = append(keys, c.Staged)
	}
	if err := l.c.layers.Sync(ctx, keys...); err != nil {
		return nil, fmt.Errorf("write layers to the disk: %w", err)
	}
	return loaded, l.c.add(images, commits)
}

// image is one entry with the layers that have to be committed for it. planned holds what earlier entries commit.
func (l *loader) image(ctx context.Context, e entry, planned map[digest.Digest]int64) (p pending, commits []fs.Commit, err error) {
	raw, ok := l.small[l.follow(e.Config)]
	if !ok {
		return p, nil, fmt.Errorf("configuration %q is not in the archive: %w", e.Config, errdefs.ErrInvalidArgument)
	}
	if p.img, err = Parse(raw); err != nil {
		return p, nil, err
	}
	ids := p.img.Config.RootFS.DiffIDs
	if len(ids) != len(e.Layers) {
		return p, nil, fmt.Errorf("image %s has %d layers in its configuration and %d in the archive: %w", short(p.img.ID), len(ids), len(e.Layers), errdefs.ErrInvalidArgument)
	}
	for _, tag := range e.RepoTags {
		named, err := reference.ParseNormalizedNamed(tag)
		if err != nil {
			return p, nil, fmt.Errorf("name %q in the archive: %w: %w", tag, err, errdefs.ErrInvalidArgument)
		}
		p.names = append(p.names, reference.TagNameOnly(named).String())
	}
	parent := ""
	for n, chain := range p.img.ChainIDs() {
		size, have := planned[chain]
		if info, err := l.c.layers.Stat(ctx, chain.String()); !have && err == nil && info.State == fs.Committed {
			size, have = info.Size, true
		}
		if !have {
			s, err := l.take(ctx, e.Layers[n], ids[n])
			if err != nil {
				return p, nil, fmt.Errorf("layer %d of image %s: %w", n+1, short(p.img.ID), err)
			}
			size = s.size
			commits = append(commits, fs.Commit{Staged: s.key, Name: chain.String(), Parent: parent, Size: size})
		}
		planned[chain] = size
		p.size += max(size, 0)
		parent = chain.String()
	}
	return p, commits, nil
}

// take is the staged layer at a path of the archive, which must be what the configuration says. One that a second
// chain needs as well is copied: a staged layer becomes one committed layer only.
func (l *loader) take(ctx context.Context, name string, diff digest.Digest) (staged, error) {
	at := l.follow(name)
	s, ok := l.layers[at]
	if !ok {
		return s, fmt.Errorf("%q is not in the archive: %w", name, errdefs.ErrInvalidArgument)
	}
	if s.diff != diff {
		return s, fmt.Errorf("%q has the digest %s, its configuration says %s: %w", name, s.diff, diff, errdefs.ErrInvalidArgument)
	}
	if s.key == "" {
		return s, fmt.Errorf("%q is used by two chains of layers: %w", name, errdefs.ErrNotImplemented)
	}
	l.layers[at] = staged{diff: s.diff, size: s.size, key: s.key}
	return s, nil
}

func created(l Listed) time.Time {
	if l.Config.Created == nil {
		return time.Time{}
	}
	return *l.Config.Created
}
