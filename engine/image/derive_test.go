package image

import (
	"archive/tar"
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/opencontainers/go-digest"

	"box/engine/state"
	"box/fs"
	"box/fs/vfs"
)

// opened returns a catalog on vfs, which needs no root.
func opened(t *testing.T) *Catalog {
	t.Helper()
	dir := t.TempDir()
	db, err := state.Open(dir + "/box.db")
	if err != nil {
		t.Fatal(err)
	}
	var layers fs.Driver
	if layers, err = vfs.Open(t.Context(), dir+"/vfs", db.Layers(), nil, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { layers.Close(); db.Close() })
	c, err := OpenCatalog(t.Context(), dir, db, layers, nil, fs.IDMaps{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func tarWith(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for name, body := range files {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(body)),
			ModTime: time.Unix(7, 0)}); err != nil {
			t.Fatal(err)
		}
		w.Write([]byte(body))
	}
	w.Close()
	return b.Bytes()
}

func TestDerive(t *testing.T) {
	c := opened(t)
	step := Step{Created: time.Unix(9, 0), CreatedBy: "sh", Author: "me", Comment: "why", Repository: "one", Tag: "x"}
	step.Config.Cmd = []string{"sh"}
	low := tarWith(t, map[string]string{"a": "1"})
	one, name, err := c.Derive(t.Context(), nil, bytes.NewReader(low), step)
	if err != nil || name != "one:x" {
		t.Fatal(name, err)
	}
	if one.ID != digest.FromBytes(one.Raw) || len(one.Config.RootFS.DiffIDs) != 1 ||
		one.Config.RootFS.DiffIDs[0] != digest.FromBytes(low) {
		t.Errorf("%s", one.Raw)
	}
	two, _, err := c.Derive(t.Context(), one, bytes.NewReader(tarWith(t, map[string]string{"b": "2"})),
		Step{Config: dockerspec.DockerOCIImageConfig{}, Created: time.Unix(10, 0)})
	if err != nil {
		t.Fatal(err)
	}
	if h := two.Config.History; len(h) != 2 || h[0].Comment != "why" || len(two.Config.RootFS.DiffIDs) != 2 ||
		two.Config.Config.Cmd != nil {
		t.Errorf("%s", two.Raw)
	}
	// The driver returns the tar, byte for byte.
	var again bytes.Buffer
	if err := c.layers.Tar(context.Background(), one.ChainID().String(), &again); err != nil ||
		!bytes.Equal(again.Bytes(), low) {
		t.Error("layer is another tar now", err)
	}
	if got, err := c.Resolve("one:x"); err != nil || got.ID != one.ID {
		t.Error(err)
	}
}

func TestDeriveWithoutChange(t *testing.T) {
	c := opened(t)
	one, _, err := c.Derive(t.Context(), nil, bytes.NewReader(tarWith(t, map[string]string{"a": "1"})), Step{})
	if err != nil {
		t.Fatal(err)
	}
	two, _, err := c.Derive(t.Context(), one, bytes.NewReader(make([]byte, 1024)), Step{Comment: "same files"})
	if err != nil {
		t.Fatal(err)
	}
	if len(two.Config.RootFS.DiffIDs) != 1 || !two.Config.History[1].EmptyLayer || two.ID == one.ID {
		t.Errorf("%s", two.Raw)
	}
}

func TestDeriveRefused(t *testing.T) {
	c := opened(t)
	good := tarWith(t, map[string]string{"a": "1"})
	for name, row := range map[string]struct {
		tar  []byte
		step Step
	}{
		"cut short": {good[:512], Step{}},
		"escape":    {tarWith(t, map[string]string{"../x": "1"}), Step{}},
		"bad name":  {good, Step{Repository: "UPPER"}},
		"bad tag":   {good, Step{Repository: "a", Tag: strings.Repeat("x", 200)}},
	} {
		if _, _, err := c.Derive(t.Context(), nil, bytes.NewReader(row.tar), row.step); !errdefs.IsInvalidArgument(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	gone := &Image{ID: digest.FromString("x")}
	gone.Config.RootFS.DiffIDs = []digest.Digest{digest.FromString("y")}
	if _, _, err := c.Derive(t.Context(), gone, bytes.NewReader(good), Step{}); !errdefs.IsNotFound(err) {
		t.Error(err)
	}
	if len(c.List()) != 0 {
		t.Error("something was added")
	}
}
