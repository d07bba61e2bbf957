package enginetest

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	api "github.com/moby/moby/api/types/container"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"box/engine"
	"box/engine/filter"
	"box/engine/progress"
	"box/engine/request"
)

// dated is an archive of an image with a date and labels.
func dated(t testing.TB, name, text, date string, labels map[string]string) []byte {
	t.Helper()
	layer := tarOf(t, map[string]string{"f": text}, "f")
	raw, err := json.Marshal(map[string]any{
		"architecture": "amd64", "os": "linux", "created": date, "author": "somebody",
		"config": map[string]any{"Cmd": []string{"run"}, "Labels": labels},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{fmt.Sprintf("sha256:%x", sha256.Sum256(layer))}},
		"history": []map[string]any{{"created": date, "created_by": "ADD " + text},
			{"created": date, "created_by": "LABEL", "empty_layer": true}},
	})
	must(t, err)
	tags := "null"
	if name != "" {
		tags = `["` + name + `"]`
	}
	return tarOf(t, map[string]string{"l.tar": string(layer), "c.json": string(raw),
		"manifest.json": `[{"Config":"c.json","RepoTags":` + tags + `,"Layers":["l.tar"]}]`}, "manifest.json", "c.json",
		"l.tar")
}

// images are those that a listing has, by their tags, "<none>" for those without.
func (r *rig) images(f filter.Args) (out []string, err error) {
	list, err := r.Images(r.t.Context(), engine.ImageList{Args: f})
	for _, i := range list {
		if len(i.RepoTags) == 0 {
			out = append(out, "<none>")
		}
		out = append(out, i.RepoTags...)
	}
	slices.Sort(out)
	return out, err
}

// TestImageFilters: what `docker images` lists by each filter, and which filters are none.
func TestImageFilters(t *testing.T) {
	r := newRig(t, nil)
	r.load(dated(t, "old:1", "old", "2020-01-01T00:00:00Z", map[string]string{"color": "red", "odd": ""}))
	r.load(dated(t, "mid.example/team/mid:1", "mid", "2022-01-01T00:00:00Z", map[string]string{"color": "blue"}))
	r.load(dated(t, "new:1", "new", "2024-01-01T00:00:00Z", nil))
	r.load(dated(t, "", "nameless", "2023-01-01T00:00:00Z", map[string]string{"color": "red"}))
	all := "<none> base:1 mid.example/team/mid:1 new:1 old:1"
	for _, row := range []struct{ key, value, want string }{
		{"label", "color", "<none> mid.example/team/mid:1 old:1"}, {"label", "color=red", "<none> old:1"},
		{"label", "color=", ""},
		{"label", "odd=", "old:1"}, {"label!", "color", ""},
		{"dangling", "true", "<none>"}, {"dangling", "1", "<none>"},
		{"dangling", "false", "base:1 mid.example/team/mid:1 new:1 old:1"},
		{"reference", "old", "old:1"}, {"reference", "o*:*", "old:1"}, {"reference", "*:2", ""},
		{"reference", "mid.example/*/mid", "mid.example/team/mid:1"},
		{"reference", "mid", ""},
		{"before", "new:1", "<none> base:1 mid.example/team/mid:1 old:1"},
		{"since", "old:1", "<none> mid.example/team/mid:1 new:1"},
		{"before", "old:1", "base:1"}, {"until", "2022-06-01", "base:1 mid.example/team/mid:1 old:1"},
		{"until", "1577836800", "base:1 old:1"},
		{"until", "24h", all},
	} {
		got, err := r.images(filter.Args{row.key: {row.value}})
		if row.key == "label!" {
			if !errdefs.IsInvalidArgument(err) {
				t.Errorf("%s=%s: %v", row.key, row.value, err)
			}
			continue
		}
		if err != nil || strings.Join(got, " ") != row.want {
			t.Errorf("%s=%s: %q %v, want %s", row.key, row.value, got, err, row.want)
		}
	}
	if got, err := r.images(filter.Args{"label": {"color", "odd"}}); err != nil || strings.Join(got, " ") != "old:1" {
		t.Errorf("both labels: %q %v", got, err)
	}
	if got, err := r.images(filter.Args{"label": {"color=red"}, "since": {"old:1"}}); err != nil ||
		strings.Join(got, " ") != "<none>" {
		t.Errorf("two keys: %q %v", got, err)
	}
	for key, value := range map[string]string{"dangling": "maybe", "until": "yesterday", "color": "red",
		"before": "none:1", "reference": "[", "since": "A"} {
		if got, err := r.images(filter.Args{key: {value}}); err == nil {
			t.Errorf("%s=%s: %q", key, value, got)
		}
	}
	list, err := r.Images(t.Context(), engine.ImageList{SharedSize: true, Containers: true})
	must(t, err)
	if len(list) != 5 || list[0].RepoTags[0] != "new:1" || list[4].RepoTags[0] != "base:1" {
		t.Errorf("%d images, not the newest first", len(list))
	}
}

// TestImageNames: names are given, moved and taken away with their events; what a container uses stays.
func TestImageNames(t *testing.T) {
	r := newRig(t, nil)
	ctx := t.Context()
	r.load(dated(t, "other:1", "other", "2020-01-01T00:00:00Z", nil))
	r.since()
	must(t, r.TagImage(ctx, "base:1", "example.com/team/base", "v1"), r.TagImage(ctx, "base:1", "short", ""),
		r.TagImage(ctx, "other:1", "short", "latest"))
	told := r.since()
	for i, want := range []string{"image tag name=example.com/team/base:v1", "image tag name=short:latest",
		"image tag name=short:latest"} {
		if i >= len(told) || told[i] != want {
			t.Errorf("it is told %q", told)
		}
	}
	if i, err := r.InspectImage(ctx, "short", nil); err != nil ||
		!slices.Equal(i.RepoTags, []string{"other:1", "short:latest"}) {
		t.Errorf("a name that moved: %v %v", i.RepoTags, err)
	}
	for _, row := range []struct{ ref, repository, tag string }{
		{"none:1", "a", "b"}, {"base:1", "", ""}, {"base:1", "UPPER", ""}, {"base:1", "a", "-x"}, {"base:1", "a b", ""},
		{"base:1", "a/../b", ""},
		{"base:1", strings.Repeat("a", 64), ""}, {"base:1", "a", strings.Repeat("x", 129)},
		{"base:1", "a@sha256:" + strings.Repeat("0", 64), ""},
	} {
		if err := r.TagImage(ctx, row.ref, row.repository, row.tag); err == nil {
			t.Errorf("%+v is taken", row)
		}
	}
	if told := r.since(); len(told) > 0 {
		t.Errorf("what was refused is told: %q", told)
	}
	web := r.start("web", nil)
	short := web[:12]
	for _, row := range []struct {
		ref   string
		force bool
		says  string
	}{
		{"none:1", true, "No such image: none:1"}, {"base:1", false, ""}, {"example.com/team/base:v1", false, "must force"},
		{r.imageID("example.com/team/base:v1"), false, "image is being used by running container " + short},
		{r.imageID("example.com/team/base:v1"), true, "image is being used by running container " + short},
	} {
		_, err := r.RemoveImage(ctx, row.ref, row.force, nil)
		if row.says == "" && err != nil || row.says != "" && (err == nil || !strings.Contains(err.Error(), row.says)) {
			t.Errorf("rmi %s, force %v: %v", row.ref, row.force, err)
		}
	}
	r.expect("rmi", "container create name=web", "network connect name=host", "container start name=web",
		"image untag name="+r.imageID("example.com/team/base:v1"))
	must(t, r.Kill(ctx, "web", ""))
	id := r.imageID("example.com/team/base:v1")
	if _, err := r.RemoveImage(ctx, id, false, nil); err == nil ||
		!strings.Contains(err.Error(), "must be forced) - image is being used by stopped container "+short) {
		t.Errorf("%v", err)
	}
	r.since()
	gone, err := r.RemoveImage(ctx, id, true, nil)
	if err != nil || len(gone) < 2 || gone[0].Untagged != "example.com/team/base:v1" || gone[1].Deleted != id {
		t.Errorf("%+v %v", gone, err)
	}
	r.expect("rmi -f", "image untag name="+id, "image delete name="+id)
	if err := r.Start(ctx, "web"); err != nil {
		t.Errorf("a container whose image is gone: %v", err)
	}
	list, err := r.List(ctx, engine.ListOptions{})
	if err != nil || len(list) != 1 || list[0].Image != id {
		t.Errorf("%+v %v", list, err)
	}
	if _, err := r.Create(ctx, request.Create{Name: "late",
		Config: &api.Config{Image: "base:1"}}); !errdefs.IsNotFound(err) {
		t.Errorf("a container of an image that is gone: %v", err)
	}
}

func (r *rig) imageID(ref string) string {
	r.t.Helper()
	i, err := r.InspectImage(r.t.Context(), ref, nil)
	must(r.t, err)
	return i.ID
}

// TestImagePlatform: an image for another machine is not the one that is asked for.
func TestImagePlatform(t *testing.T) {
	r := newRig(t, nil)
	ctx := t.Context()
	arm, here := &ocispec.Platform{OS: "linux", Architecture: "arm64"},
		&ocispec.Platform{OS: "linux", Architecture: "amd64"}
	for what, err := range map[string]error{
		"inspect": second(r.InspectImage(ctx, "base:1", arm)), "history": second(r.ImageHistory(ctx, "base:1", arm)),
		"rmi": second(r.RemoveImage(ctx, "base:1", false, arm)), "save": r.Save(ctx, []string{"base:1"}, arm, io.Discard),
		"create": second(r.Create(ctx, request.Create{Name: "arm", Platform: arm, Config: &api.Config{Image: "base:1"}})),
		"load": r.Load(ctx, bytes.NewReader(archive(t, "more:1", "more")), engine.LoadOptions{Platform: arm},
			func(progress.Line) error { return nil }),
	} {
		if err == nil || !strings.Contains(err.Error(), "arm64") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := errors.Join(second(r.InspectImage(ctx, "base:1", here)),
		r.Save(ctx, []string{"base:1"}, here, io.Discard)); err != nil {
		t.Error(err)
	}
}

func second[T any](_ T, err error) error { return err }

// TestHistory: the last step is told first, with sizes of those that have a layer, and IDs of what was made here.
func TestHistory(t *testing.T) {
	r := newRig(t, nil)
	ctx := t.Context()
	r.load(dated(t, "old:1", "twelve bytes", "2020-01-01T00:00:00Z", nil))
	id := r.create("web", func(q *request.Create) { q.Config.Image, q.Config.Cmd = "old:1", []string{"serve", "me"} })
	must(t, os.WriteFile(filepath.Join(r.dir, "data/vfs/dir", id, "g"), []byte("changed"), 0o600))
	made, err := r.Commit(ctx, "web",
		engine.Commission{Repository: "made", Tag: "2", Comment: "why", Author: "me",
			Changes: []string{"LABEL a=b", "CMD [\"x\"]"}})
	must(t, err)
	h, err := r.ImageHistory(ctx, "made:2", nil)
	must(t, err)
	var lines []string
	for _, i := range h {
		lines = append(lines, fmt.Sprintf("%.7s %s %d %q %q", strings.TrimPrefix(i.ID, "sha256:"), i.CreatedBy, i.Size,
			i.Comment, i.Tags))
	}
	old := r.imageID("old:1")
	want := []string{fmt.Sprintf(`%.7s serve me 7 "why" ["made:2"]`, made[7:]),
		fmt.Sprintf(`%.7s LABEL 0 "" ["old:1"]`, old[7:]), `<missin ADD twelve bytes 12 "" []`}
	if !slices.Equal(lines, want) {
		t.Errorf("%q\nwant %q", lines, want)
	}
	i, err := r.InspectImage(ctx, "made:2", nil)
	if err != nil || i.Parent != old || i.Author != "me" || i.Comment != "why" || i.Config.Labels["a"] != "b" ||
		i.Config.Cmd[0] != "x" || len(i.RootFS.Layers) != 2 {
		t.Errorf("%+v %v", i, err)
	}
	if _, err := r.RemoveImage(ctx, old, true, nil); err == nil ||
		!strings.Contains(err.Error(), "image has dependent child images") {
		t.Errorf("%v", err)
	}
	for _, q := range []engine.Commission{{Changes: []string{"FROM x"}}, {Changes: []string{"EXPOSE x"}},
		{Repository: "A"}, {Repository: "a", Tag: "/"}} {
		before, _ := r.images(nil)
		if _, err := r.Commit(ctx, "web", q); err == nil {
			t.Errorf("%+v is taken", q)
		}
		if after, _ := r.images(nil); !slices.Equal(before, after) {
			t.Errorf("%+v left %q", q, after)
		}
	}
}

// TestCommitFreezes: a container is frozen while it is read, whatever comes of it, and one that is frozen stays so.
func TestCommitFreezes(t *testing.T) {
	r := newRig(t, nil)
	ctx := t.Context()
	r.start("web", nil)
	commit := func(q engine.Commission) error { return second(r.Commit(ctx, "web", q)) }
	r.l.heard()
	must(t, commit(engine.Commission{Pause: true}))
	if asked := r.l.heard(); !slices.Equal(asked, []string{"pause", "resume"}) {
		t.Errorf("%q", asked)
	}
	must(t, commit(engine.Commission{}))
	if asked := r.l.heard(); len(asked) > 0 {
		t.Errorf("%q", asked)
	}
	must(t, r.Pause(ctx, "web"), commit(engine.Commission{Pause: true}))
	if st := r.state("web"); !st.Paused {
		t.Errorf("%+v", st)
	}
	must(t, r.Unpause(ctx, "web"))
	r.l.failing("resume", errors.New("stuck"))
	if err := commit(engine.Commission{Pause: true}); err == nil || !strings.Contains(err.Error(), "stuck") ||
		!r.state("web").Paused {
		t.Errorf("%v", err)
	}
	r.l.failing("resume", nil)
	must(t, r.Unpause(ctx, "web"))
	r.l.failing("pause", errors.New("no freezer"))
	must(t, commit(engine.Commission{Pause: true}))
}

// TestImport: an image is made of a plain or packed tar, and of what a URL gives; what is none is refused, and leaves
// nothing.
func TestImport(t *testing.T) {
	r := newRig(t, nil)
	ctx := t.Context()
	body := tarOf(t, map[string]string{"f": "x"}, "f")
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path != "/root.tar" {
			w.WriteHeader(http.StatusTeapot)
		}
		_, _ = w.Write(body)
	}))
	defer s.Close()
	var said []string
	tell := func(l progress.Line) error { said = append(said, l.Status); return nil }
	in := func(q engine.Importing) error { said = nil; return r.Import(ctx, q, tell) }
	r.since()
	must(t, in(engine.Importing{Source: "-", Body: bytes.NewReader(body), Repository: "made", Tag: "1",
		Changes: []string{"ENV A=b"}}))
	i, err := r.InspectImage(ctx, "made:1", nil)
	if err != nil || said[len(said)-1] != i.ID || i.Config.Env[0] != "A=b" || i.Comment != "Imported from -" {
		t.Errorf("%q %+v %v", said, i, err)
	}
	r.expect("import", "image tag name=made:1", "image import name="+i.ID)
	must(t, in(engine.Importing{Source: s.URL + "/root.tar", Message: "mine"}),
		in(engine.Importing{Source: strings.TrimPrefix(s.URL, "http://") + "/root.tar"}))
	if len(said) < 2 || !strings.HasPrefix(said[0], "Downloading from http://") {
		t.Errorf("%q", said)
	}
	before, _ := r.images(nil)
	gone := errors.New("nobody listens")
	for name, row := range map[string]struct {
		q    engine.Importing
		says string
	}{
		"no tar":      {engine.Importing{Source: "-", Body: strings.NewReader("FROM busybox\n")}, "text"},
		"nothing":     {engine.Importing{Source: "-", Body: strings.NewReader("")}, ""},
		"a cut tar":   {engine.Importing{Source: "-", Body: bytes.NewReader(body[:700])}, "ends early"},
		"cut packing": {engine.Importing{Source: "-", Body: strings.NewReader("\x1f\x8b\x08")}, "gzip"},
		"a digest": {engine.Importing{Source: "-", Body: bytes.NewReader(body),
			Repository: "a@sha256:" + strings.Repeat("0", 64)}, "cannot import digest reference"},
		"a bad name":     {engine.Importing{Source: "-", Body: bytes.NewReader(body), Repository: "A"}, "repository name"},
		"a bad change":   {engine.Importing{Source: "-", Body: bytes.NewReader(body), Changes: []string{"RUN x"}}, "RUN"},
		"not there":      {engine.Importing{Source: s.URL + "/other"}, "418"},
		"nobody answers": {engine.Importing{Source: "http://127.0.0.1:1/x"}, "refused"},
		"a file":         {engine.Importing{Source: "file:///etc/passwd"}, ""},
	} {
		if err := in(row.q); err == nil || !strings.Contains(err.Error(), row.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := r.Import(ctx, engine.Importing{Source: s.URL + "/root.tar"},
		func(progress.Line) error { return gone }); !errors.Is(err, gone) {
		t.Error(err)
	}
	if after, _ := r.images(nil); !slices.Equal(before, after) {
		t.Errorf("%q is left of %q", after, before)
	}
}

// TestExportAndChanges: a container's files come out as they are, without what the image's layers below had deleted.
func TestExportAndChanges(t *testing.T) {
	r := newRig(t, nil)
	ctx := t.Context()
	id := r.create("web", nil)
	root := filepath.Join(r.dir, "data/vfs/dir", id)
	must(t, os.WriteFile(root+"/new", []byte("n"), 0o600), os.Remove(root+"/etc/motd"), os.Chmod(root+"/etc", 0o700))
	changes, err := r.Changes(ctx, "web")
	must(t, err)
	var lines []string
	for _, c := range changes {
		lines = append(lines, fmt.Sprint(c.Kind, c.Path))
	}
	if want := []string{"C/etc", "D/etc/motd", "A/new"}; !slices.Equal(lines, want) {
		t.Errorf("%q, want %q", lines, want)
	}
	r.since()
	x, err := r.Export(ctx, "web")
	must(t, err)
	var out bytes.Buffer
	must(t, x.Write(ctx, &out))
	x.Close()
	r.expect("export", "container export name=web")
	found := map[string]bool{}
	for tr := tar.NewReader(&out); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		must(t, err)
		found[h.Name] = true
	}
	if !found["new"] || !found["etc/"] || found["etc/motd"] || found[".wh.motd"] {
		t.Errorf("%v", found)
	}
	must(t, r.Remove(ctx, "web", engine.RemoveOptions{}))
}

// TestPull: what a registry has is pulled with its events, again without work, and what it has not leaves nothing.
func TestPull(t *testing.T) {
	r := newRig(t, nil)
	remote := registry(t)
	var said []string
	pull := func(name, tag string) error {
		said = nil
		return r.Pull(t.Context(), engine.Pulling{Name: name, Tag: tag},
			func(l progress.Line) error { said = append(said, l.Status); return nil })
	}
	r.since()
	must(t, pull(remote+"/far", "latest"))
	if last := said[len(said)-1]; last != "Status: Downloaded newer image for "+remote+"/far:latest" {
		t.Errorf("%q", last)
	}
	r.expect("pull", "image pull name="+remote+"/far") // Docker has the tag in the ID
	must(t, pull(remote+"/far", "latest"))
	if last := said[len(said)-1]; last != "Status: Image is up to date for "+remote+"/far:latest" {
		t.Errorf("%q", last)
	}
	for _, name := range []string{"A", "", "a b", remote + "/far@sha256:0"} {
		if err := pull(name, ""); !errdefs.IsInvalidArgument(err) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if err := pull(remote+"/far", "none"); err == nil {
		t.Error("what is not there was pulled")
	}
	if images, err := r.images(nil); err != nil || !slices.Equal(images, []string{remote + "/far:latest", "base:1"}) {
		t.Errorf("%q %v", images, err)
	}
}
