package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"box/engine/image"
	"box/engine/reference"
	"box/engine/state"
	"box/fs"
	"box/fs/fstest"
	"box/fs/vfs"
)

// fake is a registry in this process. before may answer a request instead.
type fake struct {
	*httptest.Server
	t      testing.TB
	before func(w http.ResponseWriter, r *http.Request) (answered bool)

	mu      sync.Mutex
	blobs   map[string][]byte // repository@digest
	kinds   map[string]string // media types of manifests, by repository@digest
	tags    map[string]string // repository:tag -> digest
	uploads map[string]*bytes.Buffer
	log     []string // METHOD path
}

func newFake(t testing.TB) *fake {
	f := &fake{t: t, blobs: map[string][]byte{}, kinds: map[string]string{}, tags: map[string]string{},
		uploads: map[string]*bytes.Buffer{}}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

func (f *fake) host() string { return f.Listener.Addr().String() }

// named returns the reference of a repository on the fake.
func (f *fake) named(name string) reference.Named {
	f.t.Helper()
	ref, err := reference.Parse(f.host() + "/" + name)
	if err != nil {
		f.t.Fatal(err)
	}
	return ref
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.log = append(f.log, r.Method+" "+r.URL.Path)
	f.mu.Unlock()
	if f.before != nil && f.before(w, r) {
		return
	}
	path := strings.TrimPrefix(r.URL.Path, "/v2/")
	for _, part := range []struct {
		of string
		do func(w http.ResponseWriter, r *http.Request, repo, name string)
	}{{"/manifests/", f.manifests}, {"/blobs/uploads/", f.upload}, {"/blobs/", f.content}, {"/tags/", f.list}} {
		if at := strings.Index(path, part.of); at > 0 {
			part.do(w, r, path[:at], path[at+len(part.of):])
			return
		}
	}
	if path != "" {
		refuse(w, http.StatusNotFound, "UNSUPPORTED", "what is that")
	}
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"errors":[{"code":%q,"message":%q}]}`, code, message)
}

func (f *fake) manifests(w http.ResponseWriter, r *http.Request, repo, name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.Method == http.MethodPut {
		raw, _ := io.ReadAll(r.Body)
		d := digest.FromBytes(raw).String()
		f.blobs[repo+"@"+d], f.kinds[repo+"@"+d] = raw, r.Header.Get("Content-Type")
		f.tags[repo+":"+name] = d
		w.Header().Set("Docker-Content-Digest", d)
		w.WriteHeader(http.StatusCreated)
		return
	}
	if d, ok := f.tags[repo+":"+name]; ok {
		name = d
	}
	raw, ok := f.blobs[repo+"@"+name]
	if !ok {
		refuse(w, http.StatusNotFound, "MANIFEST_UNKNOWN", "manifest unknown")
		return
	}
	w.Header().Set("Content-Type", f.kinds[repo+"@"+name])
	w.Header().Set("Docker-Content-Digest", name)
	_, _ = w.Write(raw)
}

func (f *fake) content(w http.ResponseWriter, r *http.Request, repo, name string) {
	f.mu.Lock()
	raw, ok := f.blobs[repo+"@"+name]
	f.mu.Unlock()
	if !ok {
		refuse(w, http.StatusNotFound, "BLOB_UNKNOWN", "blob unknown to registry")
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(raw))
}

func (f *fake) list(w http.ResponseWriter, r *http.Request, repo, _ string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	last := r.URL.Query().Get("last") // one per page
	next := ""
	for name := range f.tags {
		if tag, ok := strings.CutPrefix(name, repo+":"); ok && tag > last && (next == "" || tag < next) {
			next = tag
		}
	}
	if next == "" {
		_, _ = io.WriteString(w, `{"name":"x","tags":null}`)
		return
	}
	w.Header().Set("Link", fmt.Sprintf(`</v2/%s/tags/list?last=%s&n=1>; rel="next"`, repo, next))
	fmt.Fprintf(w, `{"name":%q,"tags":[%q]}`, repo, next)
}

// upload receives blobs, in one piece or several, and mounts them.
func (f *fake) upload(w http.ResponseWriter, r *http.Request, repo, id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	q := r.URL.Query()
	if r.Method == http.MethodPost {
		if raw, ok := f.blobs[q.Get("from")+"@"+q.Get("mount")]; ok {
			f.blobs[repo+"@"+q.Get("mount")] = raw
			w.WriteHeader(http.StatusCreated)
			return
		}
		id = fmt.Sprint(len(f.uploads))
		f.uploads[id] = &bytes.Buffer{}
	}
	raw, _ := io.ReadAll(r.Body)
	up := f.uploads[id]
	up.Write(raw)
	w.Header().Set("Location", "/v2/"+repo+"/blobs/uploads/"+id+"?state=x")
	if r.Method != http.MethodPut {
		w.WriteHeader(http.StatusAccepted)
		return
	}
	if got := digest.FromBytes(up.Bytes()).String(); got != q.Get("digest") {
		refuse(w, http.StatusBadRequest, "DIGEST_INVALID", "provided digest did not match uploaded content")
		return
	}
	f.blobs[repo+"@"+q.Get("digest")] = bytes.Clone(up.Bytes())
	w.WriteHeader(http.StatusCreated)
}

// put stores content and returns its descriptor.
func (f *fake) put(repo, kind string, raw []byte) ocispec.Descriptor {
	d := digest.FromBytes(raw)
	f.blobs[repo+"@"+d.String()] = raw
	f.kinds[repo+"@"+d.String()] = kind
	return ocispec.Descriptor{MediaType: kind, Digest: d, Size: int64(len(raw))}
}

func (f *fake) putJSON(repo, kind string, v any) ocispec.Descriptor {
	raw, err := json.Marshal(v)
	if err != nil {
		f.t.Fatal(err)
	}
	return f.put(repo, kind, raw)
}

// form is the set of media types in which a registry keeps an image.
type form struct {
	manifest, config, layer string
	pack                    func([]byte) []byte
}

var (
	dockerForm = form{dockerManifest, dockerConfig, dockerLayer, gzipped}
	ociForm    = form{ocispec.MediaTypeImageManifest, ocispec.MediaTypeImageConfig, ocispec.MediaTypeImageLayerZstd,
		zstded}
	plainForm = form{ocispec.MediaTypeImageManifest, ocispec.MediaTypeImageConfig, ocispec.MediaTypeImageLayer,
		func(b []byte) []byte { return b }}
)

// image stores an image made of layers, and returns its manifest and its ID.
func (f *fake) image(repo string, as form, note string, layers ...[]byte) (ocispec.Descriptor, digest.Digest) {
	var diffs []digest.Digest
	var described []ocispec.Descriptor
	for _, l := range layers {
		diffs = append(diffs, digest.FromBytes(l))
		described = append(described, f.put(repo, as.layer, as.pack(l)))
	}
	config := f.putJSON(repo, as.config, map[string]any{
		"architecture": image.HostPlatform().Architecture, "os": "linux", "note": note,
		"config": map[string]any{"Labels": map[string]string{"note": note}},
		"rootfs": map[string]any{"type": "layers", "diff_ids": diffs},
	})
	m := f.putJSON(repo, as.manifest,
		map[string]any{"schemaVersion": 2, "mediaType": as.manifest, "config": config, "layers": described})
	return m, config.Digest
}

// tag tags a manifest.
func (f *fake) tag(repo, tag string, d ocispec.Descriptor) { f.tags[repo+":"+tag] = d.Digest.String() }

func gzipped(raw []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(raw) // a bytes.Buffer takes everything
	_ = w.Close()
	return b.Bytes()
}

func zstded(raw []byte) []byte {
	w, _ := zstd.NewWriter(io.Discard)
	return w.EncodeAll(raw, nil)
}

// layer makes the tar of a layer with one file.
func layer(t testing.TB, name, body string) []byte {
	return fstest.Tar(t, fstest.Entry{Name: name, Body: body})
}

// store is a catalog in its own folder.
type store struct {
	*image.Catalog
	t      testing.TB
	layers fs.Driver
	root   string
}

func newStore(t testing.TB) *store {
	root := t.TempDir()
	db, err := state.Open(filepath.Join(root, "box.db"))
	if err != nil {
		t.Fatal(err)
	}
	layers, err := vfs.Open(context.Background(), filepath.Join(root, "vfs"), db.Layers(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	catalog, err := image.OpenCatalog(context.Background(), root, db, layers, nil, fs.IDMaps{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { layers.Close(); db.Close() })
	return &store{catalog, t, layers, root}
}

// whole checks that an image exists under a name, and that all its layers give their tars.
func (s *store) whole(name string, id digest.Digest) {
	s.t.Helper()
	img, err := s.Resolve(name)
	if err != nil {
		s.t.Fatal(err)
	}
	if img.ID != id {
		s.t.Errorf("%s is %s, want %s", name, img.ID, id)
	}
	if _, err := s.Save(context.Background(), []string{id.String()}, nil, io.Discard); err != nil {
		s.t.Error(err)
	}
}

// empty checks that the store holds nothing.
func (s *store) empty() {
	s.t.Helper()
	var left []string
	for _, pattern := range []string{"vfs/dir/*", "vfs/tar-split/*", "content/ingest-*", "content/sha256/*"} {
		found, _ := filepath.Glob(filepath.Join(s.root, pattern))
		left = append(left, found...)
	}
	if len(left) > 0 || len(s.List()) > 0 {
		s.t.Errorf("%d images, on the disk %v", len(s.List()), left)
	}
}

// quick makes a client with short waits.
func quick() *Client {
	return New(Options{Agent: "test", Backoff: time.Millisecond, Idle: 300 * time.Millisecond, Certs: "/nonexistent"})
}

// record collects lines as text.
type record struct{ lines []string }

func (r *record) tell(l Line) error {
	text := l.Status
	if l.ID != "" {
		text = l.ID + ": " + text
	}
	if l.Total > 0 {
		text += fmt.Sprintf(" %d/%d", l.Current, l.Total)
	}
	r.lines = append(r.lines, text)
	return nil
}

func silently(Line) error { return nil }
