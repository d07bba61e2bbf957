package image

import (
	"bytes"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"

	"box/fs/disk"
)

// Store keeps content by its digest, byte for byte, one file each: configurations and registries' manifests. A file
// gets its name only once all of it is on the disk.
type Store struct {
	dir  string // DATA/content
	disk *disk.Disk
}

// tempPrefix begins the names of unfinished files.
const tempPrefix = "ingest-"

// OpenStore opens the store in dir, creating it if needed, and deletes unfinished files.
func OpenStore(dir string, d *disk.Disk) (*Store, error) {
	s := &Store{dir: dir, disk: d}
	if err := d.MkdirAll(s.blobs(), 0o700); err != nil {
		return nil, fmt.Errorf("open content: %w", err)
	}
	found, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("open content: %w", err)
	}
	for _, e := range found {
		if strings.HasPrefix(e.Name(), tempPrefix) {
			if err := d.Remove(filepath.Join(dir, e.Name())); err != nil {
				return nil, fmt.Errorf("open content: %w", err)
			}
		}
	}
	return s, nil
}

func (s *Store) blobs() string { return filepath.Join(s.dir, "sha256") }

func (s *Store) path(d digest.Digest) (string, error) {
	if err := d.Validate(); err != nil || d.Algorithm() != digest.SHA256 {
		return "", fmt.Errorf("digest %q: %w", d, errdefs.ErrInvalidArgument)
	}
	return filepath.Join(s.blobs(), d.Encoded()), nil
}

// temp makes a file that OpenStore deletes unless it is renamed.
func (s *Store) temp() (*os.File, error) { return s.disk.CreateTemp(s.dir, tempPrefix) }

// Put stores the content of r under want, refuses content with another digest, and replaces damaged content. The
// content is durable when Put returns.
func (s *Store) Put(r io.Reader, want digest.Digest) error {
	path, err := s.path(want)
	if err != nil {
		return err
	}
	if s.whole(want) {
		return nil
	}
	f, err := s.temp()
	if err != nil {
		return fmt.Errorf("write content %s: %w", want, err)
	}
	defer s.disk.Remove(f.Name())
	sum := digest.SHA256.Digester()
	_, err = io.Copy(io.MultiWriter(s.disk.Writer(f), sum.Hash()), r)
	if err == nil && sum.Digest() != want {
		err = fmt.Errorf("it has the digest %s: %w", sum.Digest(), errdefs.ErrInvalidArgument)
	}
	if err == nil {
		err = s.disk.Sync(f)
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = s.disk.Rename(f.Name(), path)
	}
	if err == nil {
		err = s.disk.SyncFolder(s.blobs())
	}
	if err != nil {
		return fmt.Errorf("write content %s: %w", want, err)
	}
	return nil
}

// whole reports whether content exists and matches its digest.
func (s *Store) whole(d digest.Digest) bool {
	r, err := s.Open(d)
	if err != nil {
		return false
	}
	defer r.Close()
	_, err = io.Copy(io.Discard, r)
	return err == nil
}

// Open opens content for reading. Instead of io.EOF the reader returns errdefs.ErrDataLoss if the bytes do not match
// the digest.
func (s *Store) Open(d digest.Digest) (io.ReadCloser, error) {
	path, err := s.path(d)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("content %s: %w", d, errdefs.ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("content %s: %w", d, err)
	}
	return &verified{f, digest.SHA256.Hash(), d}, nil
}

// verified verifies content while it is read.
type verified struct {
	*os.File
	sum  hash.Hash
	want digest.Digest
}

// Read implements io.Reader.
func (v *verified) Read(p []byte) (int, error) {
	n, err := v.File.Read(p)
	v.sum.Write(p[:n])
	if errors.Is(err, io.EOF) {
		if got := digest.NewDigest(digest.SHA256, v.sum); got != v.want {
			return n, fmt.Errorf("content %s is damaged, it has the digest %s: %w", v.want, got, errdefs.ErrDataLoss)
		}
	}
	return n, err
}

// WriteTo keeps io.Copy from bypassing Read.
func (v *verified) WriteTo(w io.Writer) (int64, error) {
	return io.Copy(w, struct{ io.Reader }{v})
}

// read returns all of a small piece of content.
func (s *Store) read(d digest.Digest) ([]byte, error) {
	r, err := s.Open(d)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var b bytes.Buffer
	_, err = b.ReadFrom(io.LimitReader(r, maxConfig+1))
	return b.Bytes(), err
}

// Stat returns the size of content in bytes.
func (s *Store) Stat(d digest.Digest) (int64, error) {
	path, err := s.path(d)
	if err != nil {
		return 0, err
	}
	info, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return 0, fmt.Errorf("content %s: %w", d, errdefs.ErrNotFound)
	}
	if err != nil {
		return 0, fmt.Errorf("content %s: %w", d, err)
	}
	return info.Size(), nil
}

// Delete deletes content; missing content is no error.
func (s *Store) Delete(d digest.Digest) error {
	path, err := s.path(d)
	if err != nil {
		return err
	}
	if err := s.disk.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("delete content %s: %w", d, err)
	}
	return nil
}

// Walk calls fn for all content, in the order of digests.
func (s *Store) Walk(fn func(digest.Digest) error) error {
	found, err := os.ReadDir(s.blobs())
	if err != nil && !errors.Is(err, os.ErrNotExist) { // the folder is missing while a lost state is recovered
		return fmt.Errorf("list content: %w", err)
	}
	for _, e := range found {
		d := digest.NewDigestFromEncoded(digest.SHA256, e.Name())
		if d.Validate() != nil {
			continue // not a blob
		}
		if err := fn(d); err != nil {
			return err
		}
	}
	return nil
}
