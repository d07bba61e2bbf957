package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"box/engine/image"
)

// push pushes an image as tag 1 of a repository.
func (f *fake) push(s *store, c *Client, repo string, id digest.Digest) ([]string, error) {
	f.t.Helper()
	ref, err := f.named(repo).WithTag("1")
	if err != nil {
		f.t.Fatal(err)
	}
	var r record
	err = c.Push(f.t.Context(), s.Catalog, ref, id, Auth{}, r.tell)
	return r.lines, err
}

// pullFrom pulls tag 1 of a repository into a store.
func (f *fake) pullFrom(s *store, repo string) digest.Digest {
	f.t.Helper()
	ref, err := f.named(repo).WithTag("1")
	if err != nil {
		f.t.Fatal(err)
	}
	pulled, err := quick().Pull(f.t.Context(), s.Catalog, ref, Auth{}, nil, silently)
	if err != nil {
		f.t.Fatal(err)
	}
	return pulled[0].Image.ID
}

// sent counts requests with content.
func (f *fake) sent() (n int) {
	for _, l := range f.log {
		if strings.HasPrefix(l, "PATCH") {
			n++
		}
	}
	f.log = nil
	return n
}

// TestPush checks that an image arrives whole, in the same bytes each time, and is not sent where it exists.
func TestPush(t *testing.T) {
	origin, f, again, s := newFake(t), newFake(t), newFake(t), newStore(t)
	base := layer(t, "a", strings.Repeat("base ", 5000))
	m, _ := origin.image("x", plainForm, "", base, layer(t, "b", "top"), base)
	origin.tag("x", "1", m)
	id := origin.pullFrom(s, "x")
	origin.Close() // so that it cannot be asked again

	lines, err := f.push(s, quick(), "lib/new", id)
	if err != nil {
		t.Fatal(err)
	}
	if n := f.sent(); n != 2 {
		t.Errorf("%d layers were sent, want 2", n)
	}
	a, b := digest.FromBytes(base).Encoded()[:12], digest.FromBytes(layer(t, "b", "top")).Encoded()[:12]
	for _, want := range []string{b + ": Preparing", a + ": Preparing", b + ": Pushed", a + ": Pushed"} {
		if !slices.Contains(lines, want) {
			t.Errorf("%q is not told: %q", want, lines)
		}
	}
	raw := f.blobs["lib/new@"+f.tags["lib/new:1"]]
	if want := fmt.Sprintf("1: digest: %s size: %d", digest.FromBytes(raw), len(raw)); lines[len(lines)-2] != want {
		t.Errorf("told %q, want %q", lines[len(lines)-2], want)
	}
	if f.kinds["lib/new@"+f.tags["lib/new:1"]] != dockerManifest ||
		!strings.HasPrefix(string(raw), "{\n   \"schemaVersion\": 2,\n   \"mediaType\": \"application/vnd.docker") {
		t.Errorf("manifest %s", raw)
	}
	other := newStore(t)
	if got := f.pullFrom(other, "lib/new"); got != id {
		t.Errorf("%s came back, want %s", got, id)
	}
	other.whole(f.host()+"/lib/new:1", id)
	s.whole(f.host()+"/lib/new@"+digest.FromBytes(raw).String(), id)

	f.sent()
	if lines, err = f.push(s, quick(), "lib/new", id); err != nil || f.sent() != 0 ||
		!slices.Contains(lines, a+": Layer already exists") {
		t.Errorf("again: %v %q", err, lines)
	}
	if lines, err = f.push(s, quick(), "lib/other", id); err != nil || f.sent() != 0 ||
		!slices.Contains(lines, a+": Mounted from lib/new") {
		t.Errorf("another repository: %v %q", err, lines)
	}
	if _, err = again.push(s, quick(), "x", id); err != nil || again.tags["x:1"] != f.tags["lib/new:1"] {
		t.Errorf("another registry: %v, the manifest is %s, want %s", err, again.tags["x:1"], f.tags["lib/new:1"])
	}
}

// TestPushOriginal checks that a manifest that came with the image is sent unchanged, in any form, if the registry
// has its layers.
func TestPushOriginal(t *testing.T) {
	f, s := newFake(t), newStore(t)
	m, _ := f.image("lib/x", ociForm, "", layer(t, "a", "a"), layer(t, "b", "b"))
	f.tag("lib/x", "1", m)
	id := f.pullFrom(s, "lib/x")
	for _, repo := range []string{"lib/x", "lib/y"} {
		f.tags[repo+":1"] = ""
		if _, err := f.push(s, quick(), repo, id); err != nil || f.tags[repo+":1"] != m.Digest.String() {
			t.Errorf("%s: %v, the manifest is %s, want %s", repo, err, f.tags[repo+":1"], m.Digest)
		}
	}
	// A layer is missing there: it is compressed anew, and the new manifest refers to it.
	gone := digest.FromBytes(zstded(layer(t, "a", "a")))
	for name := range f.blobs {
		if strings.HasSuffix(name, gone.String()) {
			delete(f.blobs, name)
		}
	}
	if _, err := f.push(s, quick(), "lib/x", id); err != nil || f.tags["lib/x:1"] == m.Digest.String() {
		t.Fatalf("%v, the manifest is %s", err, f.tags["lib/x:1"])
	}
	other := newStore(t)
	if got := f.pullFrom(other, "lib/x"); got != id {
		t.Errorf("%s came back, want %s", got, id)
	}
	other.whole(f.host()+"/lib/x:1", id)
}

// TestPushBreaks checks that a broken transfer starts over and a refused one does not.
func TestPushBreaks(t *testing.T) {
	f, s := newFake(t), newStore(t)
	body := layer(t, "a", strings.Repeat("content ", 100_000))
	m, _ := f.image("x", plainForm, "", body)
	f.tag("x", "1", m)
	id := f.pullFrom(s, "x")
	breaks := 2
	f.before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPatch || breaks == 0 {
			return false
		}
		breaks--
		_, _ = io.CopyN(io.Discard, r.Body, 100)
		panic(http.ErrAbortHandler)
	}
	to := "y"
	delete(f.blobs, "x@"+digest.FromBytes(body).String()) // so that it is not mounted
	lines, err := f.push(s, quick(), to, id)
	if err != nil || !slices.Contains(lines, digest.FromBytes(body).Encoded()[:12]+": Retrying in 1 second") {
		t.Fatalf("%v %q", err, lines)
	}
	if got := f.pullFrom(newStore(t), to); got != id {
		t.Errorf("%s came back, want %s", got, id)
	}
	for _, row := range []struct {
		method string
		status int
		says   string
	}{
		{http.MethodPost, http.StatusForbidden, "denied: so it is"},
		{http.MethodPatch, http.StatusRequestEntityTooLarge, "denied: so it is"},
		{http.MethodPut, http.StatusBadRequest, "denied: so it is"},
		{http.MethodHead, http.StatusForbidden, ""}, // its reply has no body
	} {
		f := newFake(t)
		f.before = func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method == row.method {
				refuse(w, row.status, "DENIED", "so it is")
			}
			return r.Method == row.method
		}
		if _, err := f.push(s, quick(), "z", id); err == nil || !strings.Contains(err.Error(), row.says) {
			t.Errorf("%s: %v, want %s", row.method, err, row.says)
		}
	}
}

// TestPushCalledOff checks that the transfer ends if the client goes away.
func TestPushCalledOff(t *testing.T) {
	f, s := newFake(t), newStore(t)
	m, _ := f.image("x", dockerForm, "", layer(t, "a", strings.Repeat("content ", 100_000)))
	f.tag("x", "1", m)
	id := f.pullFrom(s, "x")
	to, err := newFake(t).named("y").WithTag("1")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err = quick().Push(ctx, s.Catalog, to, id, Auth{}, func(l Line) error {
		if l.Status == "Pushing" {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// reload removes an image and loads it again from an archive.
func (s *store) reload(id digest.Digest) {
	s.t.Helper()
	var archive bytes.Buffer
	if _, err := s.Save(s.t.Context(), []string{id.String()}, nil, &archive); err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.Remove(s.t.Context(), id.String(), true, func(string) (string, bool) { return "", false }); err != nil {
		s.t.Fatal(err)
	}
	s.empty()
	if _, err := s.Load(s.t.Context(), &archive, image.LoadOptions{}); err != nil {
		s.t.Fatal(err)
	}
}

// TestPushAfterRemoval checks that an image that was removed and loaded again is sent without compressing layers that
// the registry has, however that was learnt.
func TestPushAfterRemoval(t *testing.T) {
	for _, form := range []form{plainForm, dockerForm, ociForm} {
		f, s := newFake(t), newStore(t)
		base := layer(t, "a", strings.Repeat("base ", 5000))
		m, _ := f.image("lib/x", form, "", base, layer(t, "b", "top"), base)
		f.tag("lib/x", "1", m)
		id := f.pullFrom(s, "lib/x")
		s.reload(id)
		f.sent()
		for repo, how := range map[string]string{"lib/x": "Layer already exists", "lib/y": "Mounted from lib/x"} {
			lines, err := f.push(s, quick(), repo, id)
			if n := f.sent(); err != nil || n != 0 || !strings.Contains(strings.Join(lines, "\n"), how) {
				t.Errorf("%v to %s: %v, %d layers were sent: %q", form, repo, err, n, lines)
			}
			if got := f.pullFrom(newStore(t), repo); got != id {
				t.Errorf("%s came back, want %s", got, id)
			}
			s.reload(id)
		}
	}
	// Layers compressed here are known, too.
	f, s := newFake(t), newStore(t)
	origin := newFake(t)
	m, _ := origin.image("x", plainForm, "", layer(t, "a", "a"))
	origin.tag("x", "1", m)
	id := origin.pullFrom(s, "x")
	if _, err := f.push(s, quick(), "y", id); err != nil || f.sent() != 1 {
		t.Fatal(err)
	}
	s.reload(id)
	if _, err := f.push(s, quick(), "y", id); err != nil || f.sent() != 0 {
		t.Errorf("after a push: %v", err)
	}
}

// TestPushHostileClaim checks that an unverified claim goes into no manifest: a registry says that a layer which is
// already here is compressed in some other content.
func TestPushHostileClaim(t *testing.T) {
	f, s := newFake(t), newStore(t)
	base, evil := layer(t, "a", "base"), gzipped(layer(t, "a", "evil"))
	m, _ := f.image("lib/base", dockerForm, "", base)
	f.tag("lib/base", "1", m)
	f.pullFrom(s, "lib/base")
	honest, _ := f.image("lib/evil", dockerForm, "", base, layer(t, "b", "top"))
	lie := strings.Replace(string(f.blobs["lib/evil@"+honest.Digest.String()]), digest.FromBytes(gzipped(base)).String(),
		digest.FromBytes(evil).String(), 1)
	if lie == string(f.blobs["lib/evil@"+honest.Digest.String()]) {
		t.Fatal("the layer is not in the manifest")
	}
	d := digest.FromString(lie)
	f.blobs["lib/evil@"+digest.FromBytes(evil).String()] = evil
	f.blobs["lib/evil@"+d.String()], f.kinds["lib/evil@"+d.String()] = []byte(lie), dockerManifest
	f.tags["lib/evil:1"] = d.String()
	id := f.pullFrom(s, "lib/evil")
	for _, repo := range []string{"lib/evil", "lib/mine"} {
		if _, err := f.push(s, quick(), repo, id); err != nil {
			t.Fatal(err)
		}
		if raw := f.blobs[repo+"@"+f.tags[repo+":1"]]; strings.Contains(string(raw), digest.FromBytes(evil).Encoded()) {
			t.Errorf("%s has %s", repo, raw)
		}
		if got := f.pullFrom(newStore(t), repo); got != id {
			t.Errorf("%s came back, want %s", got, id)
		}
	}
}
