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

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"box/panics"
)

// helloName is the name of the image that every box can make from itself.
const helloName = "docker.io/box/hello:latest"

// IsHello reports whether ref names the built-in image.
func IsHello(ref string) bool { return nameOf(ref) == helloName }

// MakeHello makes the built-in image from the running executable: one layer that holds it, with `box hello` as the
// command. The same executable gives the same ID.
func (c *Catalog) MakeHello(ctx context.Context) (img *Image, err error) {
	exe, err := os.Open("/proc/self/exe")
	if err != nil {
		return nil, fmt.Errorf("built-in image: %w", err)
	}
	defer exe.Close()
	info, err := exe.Stat()
	if err != nil {
		return nil, fmt.Errorf("built-in image: %w", err)
	}
	r, w := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.CloseWithError(panics.Call(func() error { return helloLayer(w, exe, info.Size()) }))
	}()
	defer func() { r.Close(); <-done }()
	s := &stager{c: c}
	defer s.drop(context.WithoutCancel(ctx))
	l, err := s.take(ctx, r, "")
	if err != nil {
		return nil, fmt.Errorf("built-in image: %w", err)
	}
	if img, err = helloImage(l.diff); err != nil {
		return nil, err
	}
	c.layering.Lock()
	defer c.layering.Unlock()
	_, err = s.commit(ctx, []plan{{img: img, layers: []*layer{l}, names: []string{helloName}}})
	return img, err
}

// helloLayer writes a tar that depends only on the executable.
func helloLayer(w io.Writer, exe io.Reader, size int64) error {
	t := tar.NewWriter(w)
	if err := t.WriteHeader(&tar.Header{Name: "box", Typeflag: tar.TypeReg, Mode: 0o755, Size: size,
		ModTime: time.Unix(0, 0)}); err != nil {
		return err
	}
	if _, err := io.Copy(t, exe); err != nil {
		return err
	}
	return t.Close()
}

func helloImage(diff digest.Digest) (*Image, error) {
	at := time.Unix(0, 0).UTC()
	c := Config{
		Architecture: runtime.GOARCH, OS: "linux", Created: &at,
		RootFS:  ocispec.RootFS{Type: "layers", DiffIDs: []digest.Digest{diff}},
		History: []ocispec.History{{Created: &at, CreatedBy: "box: its own executable"}},
	}
	c.Config = dockerspec.DockerOCIImageConfig{ImageConfig: ocispec.ImageConfig{Env: []string{"PATH=/"},
		Cmd: []string{"/box", "hello"}}}
	raw, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("built-in image: %w", err)
	}
	return Parse(raw)
}
