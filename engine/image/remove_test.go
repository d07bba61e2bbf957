package image

import (
	"context"
	"slices"
	"strings"
	"testing"

	"box/fs/fstest"
)

// TestRemove checks Docker's rules about what is removed with a name or an ID, and what may not be.
func TestRemove(t *testing.T) {
	base, top := layerTar(t, fstest.Entry{Name: "f", Body: "base"}), layerTar(t, fstest.Entry{Name: "f", Body: "top"})
	one := newSample(t, "one", []string{"one:1", "one:2"}, base, top)
	two := newSample(t, "two", []string{"two:1", "other:1"}, base)
	for _, row := range []struct {
		name, ref string
		force     bool
		user      string // who uses the image; "!" if running
		says      string // the expected error, or else:
		untagged  []string
		deleted   int // number of deleted images and layers
	}{
		{"a name of several", "one:1", false, "", "", []string{"one:1"}, 0},
		{"a name under a container", "one:1", false, "c", "", []string{"one:1"}, 0},
		{"an ID with names of one repository", one.id().Encoded()[:12], false, "", "must be forced", nil, 0},
		{"an ID with several names, forced", one.id().Encoded()[:12], true, "", "", []string{"one:1", "one:2"}, 2},
		{"an ID under one that runs, forced", one.id().String(), true, "!c", "cannot be forced", nil, 0},
		{"an ID under one that is stopped", two.id().String(), true, "c", "", []string{"other:1", "two:1"}, 1},
		{"nothing", "three", false, "", "No such image: three:latest", nil, 0},
		{"no reference", "A B", false, "", "invalid reference format", nil, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			onDrivers(t, func(b *bench) {
				b.load(docker25(t, one, two))
				b.must(b.removed(row.ref, row.force, row.user, row.says, row.untagged, row.deleted))
				b.restart()
				if row.deleted == 0 {
					b.holds(one.id(), base, top)
				}
			})
		})
	}
}

func (b *bench) removed(ref string, force bool, user, says string, untagged []string, deleted int) error {
	r, err := b.Remove(context.Background(), ref, force, func(string) (string, bool) {
		return strings.TrimPrefix(user, "!"), strings.HasPrefix(user, "!")
	})
	if says != "" {
		if err == nil || !strings.Contains(err.Error(), says) {
			b.Errorf("error %v, want %q in it", err, says)
		}
		return nil
	}
	if !slices.Equal(r.Untagged, untagged) || len(r.Deleted) != deleted {
		b.Errorf("untagged %v, deleted %v; want %v and %d", r.Untagged, r.Deleted, untagged, deleted)
	}
	return err
}

// TestRemoveAll checks that no layers or content are left after the last image.
func TestRemoveAll(t *testing.T) {
	base := layerTar(t, fstest.Entry{Name: "f", Body: "base"})
	one := newSample(t, "one", []string{"one:1"}, base, layerTar(t, fstest.Entry{Name: "g", Body: "g"}))
	two := newSample(t, "two", []string{"two:1"}, base)
	onDrivers(t, func(b *bench) {
		b.load(docker25(t, one, two))
		b.must(b.removed("two:1", false, "", "", []string{"two:1"}, 1))
		b.holds(one.id(), one.layers...)
		b.must(b.removed("one:1", false, "", "", []string{"one:1"}, 3))
		b.empty()
	})
}

// TestTag checks that a name moves, by Docker's rules.
func TestTag(t *testing.T) {
	s := newSample(t, "one", []string{"one:1"}, layerTar(t, fstest.Entry{Name: "f"}))
	b := newBench(t, "vfs")
	b.load(docker25(t, s))
	for _, row := range []struct{ repo, tag, name, says string }{
		{"two", "", "two:latest", ""},
		{"host:5000/a/b", "v1", "host:5000/a/b:v1", ""},
		{"docker.io/library/three", "", "three:latest", ""},
		{"UP", "", "", "invalid reference format: repository name (library/UP) must be lowercase"},
		{"two", "no tag", "", "invalid tag format"},
		{"two@" + s.id().String(), "", "", "refusing to create a tag with a digest reference"},
	} {
		_, name, err := b.Tag("one:1", row.repo, row.tag)
		if name != row.name || (row.says == "") != (err == nil) || err != nil && err.Error() != row.says {
			t.Errorf("%s %s: %q, %v", row.repo, row.tag, name, err)
		}
	}
	b.restart()
	l, err := b.Find("two")
	b.must(err)
	if want := []string{"host:5000/a/b:v1", "one:1", "three:latest", "two:latest"}; !slices.Equal(l.Names, want) {
		t.Errorf("names %v, want %v", l.Names, want)
	}
}
