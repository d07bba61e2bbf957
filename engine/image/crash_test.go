package image

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"box/fs/fstest"
)

// TestCrash checks that whatever the daemon was making when it died is gone after the next start, at each step.
func TestCrash(t *testing.T) {
	layer := layerTar(t, fstest.Entry{Name: "f", Body: "x"})
	s := newSample(t, "crash", []string{"crash:1"}, layer)
	for _, row := range []struct {
		name string
		die  func(b *bench, st *stager)
	}{
		{"layer staged", func(b *bench, st *stager) {
			_, err := st.take(context.Background(), bytes.NewReader(layer), "")
			b.must(err)
		}},
		{"layer half written", func(b *bench, st *stager) {
			_, err := st.take(context.Background(),
				io.MultiReader(bytes.NewReader(layer[:700]), readFunc(func([]byte) (int, error) {
					return 0, io.ErrUnexpectedEOF
				})), "")
			if err == nil {
				b.Fatal("half a layer was taken")
			}
		}},
		{"layer placed", func(b *bench, st *stager) {
			l, err := st.take(context.Background(), bytes.NewReader(layer), "")
			b.must(err)
			_, _, err = st.place(context.Background(), l, "")
			b.must(err)
		}},
		{"configuration written", func(b *bench, _ *stager) { b.must(b.store.Put(bytes.NewReader(s.config), s.id())) }},
		{"configuration half written", func(b *bench, _ *stager) {
			f, err := b.store.temp()
			b.must(err)
			b.must(f.Close())
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			onDrivers(t, func(b *bench) {
				row.die(b, &stager{c: b.Catalog})
				if len(b.left()) == 0 {
					b.Fatal("nothing was begun")
				}
				b.restart()
				// The drivers sweep in the background.
				for end := time.Now().Add(time.Minute); len(b.left()) > 0; time.Sleep(time.Millisecond) {
					if time.Now().After(end) {
						b.Fatalf("left: %v", b.left())
					}
				}
				b.load(docker25(t, s))
				b.holds(s.id(), layer)
			})
		})
	}
}

// TestDamagedContent checks that an image with a damaged configuration is refused by name while others stay, and that
// loading it again repairs it.
func TestDamagedContent(t *testing.T) {
	layer := layerTar(t, fstest.Entry{Name: "f", Body: "x"})
	s, other := newSample(t, "bad", []string{"bad:1"}, layer), newSample(t, "good", []string{"good:1"}, layer)
	onDrivers(t, func(b *bench) {
		b.load(docker25(t, s, other))
		b.must(os.WriteFile(filepath.Join(b.root, "content", "sha256", s.id().Encoded()), []byte("{}"), 0o600))
		b.restart()
		if _, err := b.Resolve("bad:1"); err == nil {
			b.Error("a damaged configuration was read")
		}
		b.holds(other.id(), layer)
		b.load(docker25(t, s))
		b.holds(s.id(), layer)
	})
}
