package image

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	"golang.org/x/sys/unix"

	"box/fs/archive"
)

// Limits of an archive. Small files are kept in memory, so they are counted.
const (
	maxSmall   = 32 << 20 // bytes of all names and of all files other than layers
	maxMembers = 1 << 16  // files of any kind
	maxLinks   = 16       // followed for one name
	maxSparse  = 64 << 30 // bytes of a sparse member: its holes cost time but no space
)

// archived collects what an archive of images contains.
type archived struct {
	s        *stager
	progress Progress
	small    map[string][]byte // files other than layers, by clean path from "/"
	bytes    int64             // bytes of the files in small, and of all names
	layers   map[string]*layer // by clean path
	bad      map[string]error  // layers that do not unpack, by clean path: an error only if an image names one
	links    map[string]string // clean path -> clean path
	configs  map[string]parsed // parsed from small, by clean path
	tops     map[string]bool   // some of the names in the archive's root
	known    map[digest.Digest]string
}

func newArchive(s *stager, progress Progress) *archived {
	return &archived{s: s, progress: progress, small: map[string][]byte{}, layers: map[string]*layer{},
		bad:   map[string]error{},
		links: map[string]string{}, configs: map[string]parsed{}, tops: map[string]bool{}}
}

// read reads every member of the archive. Of several members with one name the last counts, as in any tar.
func (a *archived) read(ctx context.Context, r io.Reader) error {
	t := tar.NewReader(r)
	for n := 0; ; n++ {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read archive after %d members: %w", n, archive.Invalid(err))
		}
		if n == maxMembers {
			return a.notImages(fmt.Errorf("archive has more than %d members: %w", maxMembers, errdefs.ErrOutOfRange))
		}
		name := path.Clean("/" + h.Name)
		if a.bytes += int64(len(h.Name) + len(h.Linkname)); a.bytes > maxSmall {
			return a.notImages(fmt.Errorf("names in the archive take more than %d bytes: %w", maxSmall, errdefs.ErrOutOfRange))
		}
		a.note(name)
		if archive.IsSparse(h) && h.Size > maxSparse { // a few bytes can stand for any number of zeros
			return fmt.Errorf("%s in the archive is sparse and of %d bytes: %w", h.Name, h.Size, errdefs.ErrInvalidArgument)
		}
		switch h.Typeflag {
		case tar.TypeReg, tar.TypeGNUSparse:
			err = a.member(ctx, name, h.Size, t)
		case tar.TypeSymlink:
			a.links[name] = target(path.Dir(name), h.Linkname)
		case tar.TypeLink:
			a.links[name] = target("/", h.Linkname)
		}
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = fmt.Errorf("it ends too early: %w", errdefs.ErrInvalidArgument)
		}
		if err != nil {
			return fmt.Errorf("%s in the archive: %w", h.Name, err)
		}
	}
}

// note forgets an earlier member of this name and remembers the name's first component.
func (a *archived) note(name string) {
	delete(a.small, name)
	delete(a.layers, name)
	delete(a.bad, name)
	delete(a.links, name)
	if top, _, _ := strings.Cut(name[1:], "/"); len(top) < 64 && len(a.tops) < 256 {
		a.tops[top] = true
	}
}

// target returns where a link in the folder dir leads, inside the archive.
func target(dir, to string) string {
	if strings.HasPrefix(to, "/") {
		return path.Clean(to)
	}
	return path.Join(dir, to)
}

// follow resolves links inside the archive, those of folders on the way included. A dangling link or a loop ends in a
// name that has no member.
func (a *archived) follow(name string) string {
	name = path.Clean("/" + name)
	for range maxLinks {
		to, ok := a.step(name)
		if !ok {
			break
		}
		name = to
	}
	return name
}

// step resolves the first link on the way to name, and reports whether there was one.
func (a *archived) step(name string) (string, bool) {
	if len(a.links) == 0 || len(name) > unix.PathMax {
		return "", false
	}
	for at := 1; at <= len(name); at++ {
		if at < len(name) && name[at] != '/' {
			continue
		}
		if to, ok := a.links[name[:at]]; ok {
			return path.Join(to, name[at:]), true
		}
	}
	return "", false
}

// blobDigest returns the digest that a member's path claims for its content, "" if it claims none.
func blobDigest(name string) digest.Digest {
	hex, ok := strings.CutPrefix(name, "/blobs/sha256/")
	d := digest.NewDigestFromEncoded(digest.SHA256, hex)
	if !ok || d.Validate() != nil {
		return ""
	}
	return d
}

// member stages a layer and keeps any other file in memory. The first bytes decide which it is.
func (a *archived) member(ctx context.Context, name string, size int64, r io.Reader) error {
	want := blobDigest(name)
	var broken error // errors of the archive itself, not of this member's content
	from := a.counted(name, size, r)
	b := bufio.NewReaderSize(readFunc(func(p []byte) (int, error) {
		n, err := from.Read(p)
		if err != nil && !errors.Is(err, io.EOF) {
			broken = err
		}
		return n, err
	}), 4<<10)
	head, err := b.Peek(512)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if !isLayer(head) {
		return a.keep(name, size, want, b)
	}
	if chain, ok := a.have(ctx, want, head); ok {
		sum := want.Algorithm().Digester()
		if _, err := io.Copy(sum.Hash(), until(ctx, b)); err != nil {
			return err
		}
		if sum.Digest() != want {
			return wrongDigest(sum.Digest())
		}
		a.layers[name] = &layer{diff: want, chain: chain}
		return nil
	}
	l, err := a.s.take(ctx, b, want)
	switch {
	case err == nil:
		a.layers[name] = l
	case broken == nil && ctx.Err() == nil && !IsWrongDigest(err) &&
		(errdefs.IsInvalidArgument(err) || errors.Is(err, io.ErrUnexpectedEOF)):
		a.bad[name] = archive.Invalid(err)
	default:
		return err
	}
	return nil
}

// keep keeps a file other than a layer in memory.
func (a *archived) keep(name string, size int64, want digest.Digest, r io.Reader) error {
	if a.bytes += size; size > maxSmall || a.bytes > maxSmall {
		return a.notImages(fmt.Errorf("files that are no layers take more than %d bytes: %w", maxSmall,
			errdefs.ErrOutOfRange))
	}
	raw := make([]byte, size)
	if _, err := io.ReadFull(r, raw); err != nil {
		return err
	}
	if want != "" && digest.FromBytes(raw) != want {
		return wrongDigest(digest.FromBytes(raw))
	}
	a.small[name] = raw
	return nil
}

// counted reports progress while a large member is read.
func (a *archived) counted(name string, size int64, r io.Reader) io.Reader {
	const step = 1 << 20
	if a.progress == nil || size < step {
		return r
	}
	id := layerID(name)
	var read, told int64
	return readFunc(func(p []byte) (int, error) {
		n, err := r.Read(p)
		if read += int64(n); read-told >= step || read == size && told < size {
			told = read
			a.progress(id, read, size)
		}
		return n, err
	})
}

// layerID returns the 12 digits by which people know a layer's file: from its digest or from its folder's name.
func layerID(name string) string {
	id := path.Base(name)
	if d := path.Base(path.Dir(name)); d != "sha256" && d != "/" {
		id = d
	}
	return id[:min(12, len(id))]
}

// have finds a committed layer of any image whose uncompressed content has the digest diff, and holds it until the
// archive is done.
func (a *archived) have(ctx context.Context, diff digest.Digest, head []byte) (string, bool) {
	if diff == "" || archive.Detect(head) != archive.None {
		return "", false
	}
	if a.known == nil {
		a.known = a.s.c.diffs()
	}
	chain, ok := a.known[diff]
	return chain, ok && a.s.hold(ctx, digest.Digest(chain))
}

// diffs lists the layers of all images by the digest of their content.
func (c *Catalog) diffs() map[digest.Digest]string {
	known := map[digest.Digest]string{}
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, r := range c.rows {
		for n, chain := range chainIDs(r.Diffs) {
			known[r.Diffs[n]] = chain.String()
		}
	}
	return known
}

// isLayer distinguishes a tar, plain or compressed, from JSON and text.
func isLayer(head []byte) bool {
	return archive.Detect(head) != archive.None || isTar(head)
}

// isTar reports whether a block is the first of a tar: all zeros, which end an empty tar, or a header with the right
// checksum (POSIX pax, "ustar Interchange Format").
func isTar(block []byte) bool {
	if len(block) < 512 {
		return false
	}
	var sum, signed int64
	for i, b := range block[:512] {
		if i >= 148 && i < 156 {
			b = ' '
		}
		sum, signed = sum+int64(b), signed+int64(int8(b))
	}
	if sum == 8*' ' && bytes.Count(block[:512], []byte{0}) == 512 {
		return true
	}
	field := strings.Trim(string(block[148:156]), " \x00")
	want, err := strconv.ParseInt(field, 8, 64)
	return err == nil && (want == sum || want == signed)
}
