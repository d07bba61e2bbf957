package image

import (
	"archive/tar"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"

	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"box/fs"
)

// helloName is the image that every box has in itself.
const helloName = "docker.io/box/hello:latest"

// IsHello tells whether ref names the built-in image.
func IsHello(ref string) bool {
	named, err := reference.ParseNormalizedNamed(ref)
	return err == nil && reference.TagNameOnly(named).String() == helloName
}

// MakeHello makes the built-in image from the running executable: one layer that holds it, run as its own greeting. The
// same executable gives the same ID.
func (c *Catalog) MakeHello(ctx context.Context) (*Image, error) {
	exe, err := os.Open("/proc/self/exe")
	if err != nil {
		return nil, fmt.Errorf("built-in image: %w", err)
	}
	defer exe.Close()
	st, err := exe.Stat()
	if err != nil {
		return nil, fmt.Errorf("built-in image: %w", err)
	}
	r, w := io.Pipe()
	go func() { w.CloseWithError(helloLayer(w, exe, st.Size())) }()
	defer r.Close()
	l := &loader{c: c}
	defer l.drop(context.WithoutCancel(ctx))
	s, err := l.stage(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("built-in image: %w", err)
	}
	img, err := helloImage(s.diff)
	if err != nil {
		return nil, err
	}
	var commits []fs.Commit
	if _, err := c.layers.Stat(ctx, img.ChainID().String()); err != nil {
		commits = []fs.Commit{{Staged: s.key, Name: img.ChainID().String(), Size: s.size}}
		if err := c.layers.Sync(ctx, s.key); err != nil {
			return nil, fmt.Errorf("built-in image: %w", err)
		}
	}
	return img, c.add([]pending{{img: img, size: s.size, names: []string{helloName}}}, commits)
}

// helloLayer writes the layer's tar, the same bytes for the same executable.
func helloLayer(w io.Writer, exe io.Reader, size int64) error {
	t := tar.NewWriter(w)
	if err := t.WriteHeader(&tar.Header{Name: "box", Typeflag: tar.TypeReg, Mode: 0o755, Size: size, ModTime: time.Unix(0, 0)}); err != nil {
		return err
	}
	if _, err := io.Copy(t, exe); err != nil {
		return err
	}
	return t.Close()
}

func helloImage(diff digest.Digest) (*Image, error) {
	at := time.Unix(0, 0).UTC()
	raw, err := json.Marshal(Config{
		Architecture: runtime.GOARCH, OS: "linux", Created: &at,
		Config:  ocispec.ImageConfig{Env: []string{"PATH=/"}, Cmd: []string{"/box", "hello"}},
		RootFS:  ocispec.RootFS{Type: "layers", DiffIDs: []digest.Digest{diff}},
		History: []ocispec.History{{Created: &at, CreatedBy: "box: its own executable"}},
	})
	if err != nil {
		return nil, err
	}
	return Parse(raw)
}
