package image

import (
	"archive/tar"
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/containerd/errdefs"

	"box/fs/archive"
)

// beginning is how many bytes of a stream are inspected to identify it.
const beginning = 4 << 10

// begins checks that a stream begins like a tar, and otherwise returns an error that says what it is instead.
func begins(r io.Reader) (*bufio.Reader, error) {
	b := bufio.NewReaderSize(r, beginning)
	head, err := b.Peek(beginning)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if isTar(head) {
		return b, nil
	}
	what := archive.NotTar(head)
	switch {
	case what == "empty":
		return nil, fmt.Errorf("it is empty: %w", errdefs.ErrInvalidArgument)
	case what != "" && len(head) < 512: // the beginning of a tar looks like text, too
		return nil, fmt.Errorf("it is not a tar but %s, or ends too early, after %d bytes: %w", what, len(head),
			errdefs.ErrInvalidArgument)
	case what != "":
		return nil, fmt.Errorf("it is not a tar but %s: %w", what, errdefs.ErrInvalidArgument)
	case len(head) < 512:
		return nil, fmt.Errorf("it ends too early for a tar, after %d bytes: %w", len(head), errdefs.ErrInvalidArgument)
	}
	return nil, fmt.Errorf("it is not a tar: %w", errdefs.ErrInvalidArgument)
}

// systemFolders are in the root of nearly every Linux system.
var systemFolders = []string{"bin", "dev", "etc", "home", "lib", "proc", "root", "sbin", "sys", "tmp", "usr", "var"}

// notImages explains what an archive without images, or with too much beside them, is instead.
func (a *archived) notImages(err error) error {
	const none = "archive holds neither manifest.json nor index.json"
	for _, name := range []string{"manifest.json", "index.json"} {
		if _, ok := a.small[a.follow(name)]; ok {
			return err
		}
	}
	var folders []string
	for _, f := range systemFolders {
		if a.tops[f] {
			folders = append(folders, f)
		}
	}
	var below string
	for name := range a.small {
		if base := path.Base(name); (base == "manifest.json" || base == "index.json") && path.Dir(path.Dir(name)) == "/" {
			below = max(below, path.Dir(name)[1:])
		}
	}
	switch {
	case len(folders) > 1:
		return fmt.Errorf("%s: it holds the files of a system (%s), which docker import takes: %w", none,
			strings.Join(folders, ", "), errdefs.ErrInvalidArgument)
	case below != "":
		return fmt.Errorf("%s: they are in its folder %s, and have to be in its root: %w", none, below,
			errdefs.ErrInvalidArgument)
	case a.tops["repositories"]:
		return fmt.Errorf("%s: it is of a Docker before 1.10, whose archives are not read: %w", none,
			errdefs.ErrInvalidArgument)
	case errdefs.IsOutOfRange(err):
		return err
	}
	return fmt.Errorf("%s: it is not of images: %w", none, errdefs.ErrInvalidArgument)
}

// Files passes on the plain tar of a file system. It refuses other data and archives of images with an error that
// says what they are.
func Files(r io.Reader) (io.Reader, error) {
	b, err := begins(r)
	if err != nil {
		return nil, fmt.Errorf("read layer: %w", err)
	}
	head, _ := b.Peek(beginning)
	t := tar.NewReader(bytes.NewReader(head))
	var names []string
	for {
		h, err := t.Next()
		if err != nil {
			break // the peeked part ends in the middle of the tar
		}
		if name := path.Clean("/" + h.Name)[1:]; name != "" {
			names = append(names, name)
		}
	}
	if len(names) > 0 && !slices.ContainsFunc(names, func(n string) bool { return !isOfImages(n) }) {
		return nil, fmt.Errorf("archive holds images (it begins with %s), which docker load takes: %w", names[0],
			errdefs.ErrInvalidArgument)
	}
	return b, nil
}

// isOfImages reports whether a name occurs in archives of images (of any Docker, Podman, Skopeo, OCI layouts) but not
// in file systems.
func isOfImages(name string) bool {
	first, _, _ := strings.Cut(name, "/")
	switch first {
	case "manifest.json", "index.json", "oci-layout", "repositories":
		return true
	case "blobs":
		return name == "blobs" || name == "blobs/sha256" || blobDigest("/"+name) != ""
	}
	hex := strings.TrimSuffix(strings.TrimSuffix(first, ".tar"), ".json")
	return len(hex) == 64 && strings.Trim(hex, "0123456789abcdef") == ""
}
