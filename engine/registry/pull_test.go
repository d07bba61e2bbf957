package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"box/engine/image"
	"box/engine/reference"
)

// TestPullForms checks that an image is the same here, whatever form a registry keeps it in.
func TestPullForms(t *testing.T) {
	base, top := layer(t, "a", strings.Repeat("base ", 5000)), layer(t, "b", "top")
	host := image.HostPlatform()
	other := ocispec.Platform{OS: "linux", Architecture: "s390x"}
	index := func(f *fake, kind string, entries ...ocispec.Descriptor) ocispec.Descriptor {
		return f.putJSON("lib/x", kind, map[string]any{"schemaVersion": 2, "mediaType": kind, "manifests": entries})
	}
	for _, row := range []struct {
		name string
		make func(f *fake) (top ocispec.Descriptor, id digest.Digest)
	}{
		{"docker manifest", func(f *fake) (ocispec.Descriptor, digest.Digest) {
			return f.image("lib/x", dockerForm, "", base, top, base)
		}},
		{"oci, zstd", func(f *fake) (ocispec.Descriptor, digest.Digest) {
			return f.image("lib/x", ociForm, "", base, top, base)
		}},
		{"oci, plain", func(f *fake) (ocispec.Descriptor, digest.Digest) {
			return f.image("lib/x", plainForm, "", base, top, base)
		}},
		{"docker list", func(f *fake) (ocispec.Descriptor, digest.Digest) {
			wrong, _ := f.image("lib/x", dockerForm, "wrong", top)
			right, id := f.image("lib/x", dockerForm, "", base, top, base)
			wrong.Platform, right.Platform = &other, &host
			return index(f, dockerList, wrong, right), id
		}},
		{"index in an index, with an attestation", func(f *fake) (ocispec.Descriptor, digest.Digest) {
			right, id := f.image("lib/x", ociForm, "", base, top, base)
			about, _ := f.image("lib/x", ociForm, "about", top)
			right.Platform, about.Platform = &host, &ocispec.Platform{OS: "unknown", Architecture: "unknown"}
			return index(f, ocispec.MediaTypeImageIndex, index(f, ocispec.MediaTypeImageIndex, about, right)), id
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			f, s := newFake(t), newStore(t)
			m, id := row.make(f)
			f.tag("lib/x", "1", m)
			tagged, err := f.named("lib/x").WithTag("1")
			if err != nil {
				t.Fatal(err)
			}
			c := quick()
			pulled, err := c.Pull(t.Context(), s.Catalog, tagged, Auth{}, nil, silently)
			if err != nil || len(pulled) != 1 || !pulled[0].New || pulled[0].Image.ID != id {
				t.Fatalf("%+v %v", pulled, err)
			}
			s.whole(tagged.String(), id)
			s.whole(f.host()+"/lib/x@"+m.Digest.String(), id)
			// Pull again, by digest: nothing is new.
			byDigest := f.named("lib/x").WithDigest(m.Digest)
			if pulled, err = c.Pull(t.Context(), s.Catalog, byDigest, Auth{}, nil, silently); err != nil || pulled[0].New {
				t.Errorf("again: %+v %v", pulled, err)
			}
		})
	}
}

// TestPullLines checks that the progress lines are Docker's.
func TestPullLines(t *testing.T) {
	f, s := newFake(t), newStore(t)
	one := layer(t, "a", "1")
	m, id := f.image("x", plainForm, "", one)
	f.tag("x", "latest", m)
	var r record
	if _, err := quick().Pull(t.Context(), s.Catalog, f.named("x").OrLatest(), Auth{}, nil, r.tell); err != nil {
		t.Fatal(err)
	}
	l := digest.FromBytes(one).Encoded()[:12]
	size := fmt.Sprintf(" %d/%d", len(one), len(one))
	want := []string{"latest: Pulling from x", l + ": Pulling fs layer", l + ": Downloading" + size,
		l + ": Verifying Checksum", l + ": Download complete",
		l + ": Extracting" + size, l + ": Pull complete", "Digest: " + m.Digest.String()}
	r.lines = slices.DeleteFunc(r.lines,
		func(l string) bool { return strings.Contains(l, "Downloading") && !strings.HasSuffix(l, size) })
	if !slices.Equal(r.lines, want) {
		t.Errorf("lines\n%s\nwant\n%s", strings.Join(r.lines, "\n"), strings.Join(want, "\n"))
	}
	// Add another image on the same layer.
	more, _ := f.image("x", plainForm, "more", one, layer(t, "b", "2"))
	f.tag("x", "2", more)
	r.lines = nil
	pulled, err := quick().Pull(t.Context(), s.Catalog, f.named("x"), Auth{}, nil, r.tell) // all tags
	if err != nil || len(pulled) != 2 || !pulled[0].New || pulled[1].New {
		t.Fatalf("%+v %v", pulled, err)
	}
	if !slices.Contains(r.lines, l+": Already exists") || slices.Contains(r.lines, l+": Pulling fs layer") {
		t.Errorf("lines %q", r.lines)
	}
	s.whole(f.host()+"/x:latest", id)
	if got := s.Manifests(pulled[0].Image.ID); len(got) != 1 || digest.FromBytes(got[0]) != more.Digest {
		t.Errorf("manifests %q", got)
	}
	if blobs, err := s.Blobs(digest.FromBytes(one)); err != nil || len(blobs) != 1 || blobs[0].Repositories[0] != f.host()+
		"/x" {
		t.Errorf("blobs %+v %v", blobs, err)
	}
}

// TestResume checks that a broken transfer resumes, even if the registry starts over.
func TestResume(t *testing.T) {
	body := layer(t, "big", strings.Repeat("0123456789", 100_000))
	for _, row := range []struct {
		name   string
		ranges bool // the registry honours Range
		stall  bool // the registry stalls instead of hanging up
	}{{"ranges", true, false}, {"from the beginning", false, false}, {"stalls", true, true}} {
		t.Run(row.name, func(t *testing.T) {
			f, s := newFake(t), newStore(t)
			m, id := f.image("x", plainForm, "", body)
			f.tag("x", "latest", m)
			var asked []string
			f.before = func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.Contains(r.URL.Path, digest.FromBytes(body).String()) {
					return false
				}
				asked = append(asked, r.Header.Get("Range"))
				if !row.ranges {
					r.Header.Del("Range")
				}
				if len(asked) > 3 {
					return false
				}
				w.Header().Set("Content-Length", fmt.Sprint(len(body)))
				from := 0
				if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from); err == nil {
					w.Header().Set("Content-Length", fmt.Sprint(len(body)-from))
					w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(body)-1, len(body)))
					w.WriteHeader(http.StatusPartialContent)
				}
				end := 200_000 * len(asked)
				_, _ = w.Write(body[from:end])
				_ = http.NewResponseController(w).Flush()
				if row.stall {
					<-r.Context().Done()
				}
				panic(http.ErrAbortHandler)
			}
			var r record
			if _, err := quick().Pull(t.Context(), s.Catalog, f.named("x").OrLatest(), Auth{}, nil, r.tell); err != nil {
				t.Fatal(err)
			}
			s.whole(f.host()+"/x", id)
			if len(asked) != 4 || asked[0] != "" || !strings.HasPrefix(asked[1], "bytes=2") ||
				!strings.HasSuffix(asked[1], fmt.Sprint(len(body)-1)) {
				t.Errorf("asked for %q", asked)
			}
			if !slices.Contains(r.lines, digest.FromBytes(body).Encoded()[:12]+": Retrying in 1 second") {
				t.Errorf("lines %q", r.lines)
			}
		})
	}
}

// TestPullFails checks that errors say what is wrong and with which registry, and that nothing is left.
func TestPullFails(t *testing.T) {
	one := layer(t, "a", strings.Repeat("content ", 1000))
	good := func(f *fake) { m, _ := f.image("x", dockerForm, "", one); f.tag("x", "1", m) }
	html := func(status int) func(f *fake) {
		return func(f *fake) {
			f.before = func(w http.ResponseWriter, _ *http.Request) bool {
				w.Header().Set("Content-Type", "text/html")
				w.WriteHeader(status)
				_, _ = w.Write([]byte("<html>Welcome</html>"))
				return true
			}
		}
	}
	at := func(part string, do http.HandlerFunc) func(f *fake) {
		return func(f *fake) {
			good(f)
			f.before = func(w http.ResponseWriter, r *http.Request) bool {
				if strings.Contains(r.URL.Path, part) {
					do(w, r)
					return true
				}
				return false
			}
		}
	}
	manifest := func(kind string, v any) func(f *fake) {
		return func(f *fake) { good(f); f.tag("x", "1", f.putJSON("x", kind, v)) }
	}
	says := func(status int, code string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { refuse(w, status, code, "so it is") }
	}
	blob := "/blobs/" + digest.FromBytes(gzipped(one)).String()
	lie := strings.Repeat("0", 64)
	for _, row := range []struct {
		name  string
		setup func(f *fake)
		says  string
		class error
	}{
		{"no such tag", func(*fake) {}, "manifest for HOST/x:1 not found: manifest unknown: manifest unknown",
			errdefs.ErrNotFound},
		{"no such repository", at("/manifests/", says(404, "NAME_UNKNOWN")),
			"manifest for HOST/x:1 not found: manifest unknown: manifest unknown", errdefs.ErrNotFound},
		{"denied", at("/manifests/", says(403, "DENIED")),
			"pull access denied for HOST/x, repository does not exist or may require 'docker login': denied: so it is",
			errdefs.ErrNotFound},
		{"too many requests", at("/manifests/", says(429, "TOOMANYREQUESTS")), "toomanyrequests: so it is",
			errdefs.ErrUnavailable},
		{"HTML with 200", html(200), "HOST is not answering as a registry: GET /v2/x/manifests/1 gave 200 OK, text/html: " +
			"\"<html>Welcome</html>\"", nil},
		{"HTML with 404", html(404), "HOST is not answering as a registry: GET /v2/x/manifests/1 gave 404 Not Found, " +
			"text/html", nil},
		{"HTML with 502", html(502), "HOST is not answering as a registry", errdefs.ErrUnavailable},
		{"garbage", at("/manifests/", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte{0, 1, 2, 0x1b}) }),
			"HOST is not answering as a registry", nil},
		{"digest that lies", at("/manifests/", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", dockerManifest)
			w.Header().Set("Docker-Content-Digest", "sha256:"+lie)
			_, _ = w.Write([]byte(`{"schemaVersion":2,"config":{"size":1,"digest":"sha256:` + lie + `"}}`))
		}), "its registry says sha256:" + lie, errdefs.ErrDataLoss},
		{"manifest without end", at("/manifests/",
			func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, maxManifest+1)) }),
			"more than 4194304 bytes", errdefs.ErrOutOfRange},
		{"schema 1", manifest(dockerSchema1+"+prettyjws", map[string]any{"schemaVersion": 1}), "manifest schema 1",
			errdefs.ErrNotImplemented},
		{"no image", manifest(ocispec.MediaTypeImageManifest,
			map[string]any{"schemaVersion": 2, "config": map[string]any{"mediaType": "application/vnd.chart"}}),
			"holds \"application/vnd.chart\"", errdefs.ErrNotImplemented},
		{"image and index", manifest(dockerManifest,
			map[string]any{"schemaVersion": 2, "manifests": []any{map[string]any{"digest": "x"}}}), "both an image and an index",
			errdefs.ErrInvalidArgument},
		{"digest that is a path", manifest(dockerManifest,
			map[string]any{"schemaVersion": 2, "config": map[string]any{"digest": "sha256:../../x"}}),
			"digest \"sha256:../../x\"", errdefs.ErrInvalidArgument},
		{"no such configuration", manifest(dockerManifest,
			map[string]any{"schemaVersion": 2, "config": map[string]any{"digest": "sha256:" + lie, "size": 10}}), "blob unknown",
			errdefs.ErrNotFound},
		{"huge configuration", manifest(dockerManifest,
			map[string]any{"schemaVersion": 2, "config": map[string]any{"digest": "sha256:" + lie, "size": 1 << 40}}),
			"configuration of 1099511627776 bytes", errdefs.ErrOutOfRange},
		{"another platform", manifest(dockerList,
			map[string]any{"schemaVersion": 2,
				"manifests": []any{map[string]any{"digest": "sha256:" + lie,
					"platform": map[string]any{"os": "linux", "architecture": "vax"}}}}),
			"no matching manifest for linux/" + image.HostPlatform().Architecture + " in the manifest list entries",
			errdefs.ErrNotFound},
		{"layer of HTML", at(blob, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte("<p>"))
		}), "HOST is not answering as a registry", nil},
		{"layer of another size", at(blob, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("short")) }),
			"has 5 bytes, its manifest says", nil},
		{"layer that is damaged", func(f *fake) {
			good(f)
			f.blobs["x@"+digest.FromBytes(gzipped(one)).String()] = append(make([]byte, 10), gzipped(one)[10:]...)
		}, "filesystem layer verification failed for digest " + digest.FromBytes(gzipped(one)).String(), errdefs.ErrDataLoss},
		{"layer that breaks each time",
			at(blob, func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }), "after 0 of", nil},
		{"layer that is gone", at(blob, says(404, "BLOB_UNKNOWN")), "blob unknown: so it is", errdefs.ErrNotFound},
		{"layers that are not the configuration's", func(f *fake) {
			m, _ := f.image("x", plainForm, "", one)
			raw := strings.Replace(string(f.blobs["x@"+m.Digest.String()]), digest.FromBytes(one).String(),
				f.put("x", plainForm.layer, layer(f.t, "evil", strings.Repeat("content ", 1000)[1:]+"!")).Digest.String(), 1)
			f.tag("x", "1", f.put("x", m.MediaType, []byte(raw)))
		}, "its configuration says", errdefs.ErrInvalidArgument},
	} {
		t.Run(row.name, func(t *testing.T) {
			f, s := newFake(t), newStore(t)
			row.setup(f)
			ref, err := f.named("x").WithTag("1")
			if err != nil {
				t.Fatal(err)
			}
			_, err = quick().Pull(t.Context(), s.Catalog, ref, Auth{}, nil, silently)
			want := strings.ReplaceAll(row.says, "HOST", f.host())
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Fatalf("error %v, want %q in it", err, want)
			}
			if row.class != nil && !errors.Is(err, row.class) {
				t.Errorf("class of %v", err)
			}
			s.empty()
		})
	}
}

// TestPullCalledOff checks that nothing is left if the client goes away.
func TestPullCalledOff(t *testing.T) {
	f, s := newFake(t), newStore(t)
	m, _ := f.image("x", plainForm, "", layer(t, "a", strings.Repeat("a", 1<<20)),
		layer(t, "b", strings.Repeat("b", 1<<20)))
	f.tag("x", "latest", m)
	ctx, cancel := context.WithCancel(t.Context())
	f.before = func(w http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, "/blobs/"+digest.FromBytes(layer(t, "b", strings.Repeat("b", 1<<20))).String()) {
			_, _ = w.Write(make([]byte, 1000))
			_ = http.NewResponseController(w).Flush()
			cancel()
			<-r.Context().Done()
			return true
		}
		return false
	}
	if _, err := quick().Pull(ctx, s.Catalog, f.named("x").OrLatest(), Auth{}, nil, silently); !errors.Is(err,
		context.Canceled) {
		t.Errorf("error %v", err)
	}
	s.empty()
	// A client that takes no more lines is gone, too.
	f.before = nil
	gone := errors.New("gone")
	_, err := quick().Pull(t.Context(), s.Catalog, f.named("x").OrLatest(), Auth{}, nil, func(l Line) error {
		if l.Status == "Downloading" {
			return gone
		}
		return nil
	})
	if !errors.Is(err, gone) {
		t.Errorf("error %v", err)
	}
	s.empty()
}

// TestPullByDigestChecks checks that a pull by digest verifies the digest.
func TestPullByDigestChecks(t *testing.T) {
	f, s := newFake(t), newStore(t)
	m, _ := f.image("x", plainForm, "", layer(t, "a", "a"))
	wrong := digest.FromString("other")
	f.blobs["x@"+wrong.String()], f.kinds["x@"+wrong.String()] = f.blobs["x@"+m.Digest.String()], m.MediaType
	ref := f.named("x").WithDigest(wrong)
	if _, err := quick().Pull(t.Context(), s.Catalog, ref, Auth{}, nil, silently); err == nil ||
		!strings.Contains(err.Error(), "manifest verification failed for digest "+wrong.String()) {
		t.Errorf("error %v", err)
	}
	s.empty()
}

// TestMirror checks that images of Docker Hub come from the first mirror that has them, under their own names and
// without the user's password, and that mirrors are not asked for other images.
func TestMirror(t *testing.T) {
	empty, full, other, s := newFake(t), newFake(t), newFake(t), newStore(t)
	var auths []string
	full.before = func(_ http.ResponseWriter, r *http.Request) bool {
		if a := r.Header.Get("Authorization"); a != "" {
			auths = append(auths, a)
		}
		return false
	}
	m, id := full.image("lib/x", dockerForm, "", layer(t, "a", "base"))
	full.tag("lib/x", "1", m)
	o, _ := other.image("lib/y", dockerForm, "", layer(t, "b", "base"))
	other.tag("lib/y", "1", o)
	gone := newFake(t)
	gone.Close()
	c := quick()
	c.o.Mirrors = []string{gone.URL, empty.URL + "/", full.URL}
	hub, err := reference.Parse("lib/x:1")
	if err != nil {
		t.Fatal(err)
	}
	pulled, err := c.Pull(t.Context(), s.Catalog, hub, Auth{Username: "u", Password: "p"}, nil, silently)
	if err != nil || len(pulled) != 1 || pulled[0].Image.ID != id {
		t.Fatalf("%+v %v", pulled, err)
	}
	s.whole("docker.io/lib/x:1", id)
	if len(auths) > 0 {
		t.Errorf("the mirror was given %q", auths)
	}
	asked := len(full.log)
	elsewhere, err := other.named("lib/y").WithTag("1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Pull(t.Context(), s.Catalog, elsewhere, Auth{}, nil, silently); err != nil || len(full.log) != asked {
		t.Errorf("%v, the mirror was asked %q", err, full.log[asked:])
	}
	if list := c.Config().IndexConfigs["docker.io"].Mirrors; len(list) != 3 || list[1] != empty.URL+"/" {
		t.Errorf("%q", list)
	}
}
