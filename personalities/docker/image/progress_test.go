package image_test

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"box/personalities/docker"
	"box/personalities/docker/clienttest"
)

func TestProgressInALog(t *testing.T) {
	f := clienttest.New(t, docker.Main, map[string]http.HandlerFunc{"POST /images/create": clienttest.Reply(
		`{"status":"Pulling from x","id":"latest"}` + "\r\n" +
			`{"status":"Downloading","progressDetail":{"current":1,"total":4},"id":"abc"}` + "\r\n" +
			`{"status":"Downloading","progressDetail":{"current":4,"total":4},"id":"abc"}` + "\r\n" +
			`{"status":"Pull complete","progressDetail":{},"id":"abc"}` + "\r\n" +
			`{"status":"Digest: sha256:d"}`)})
	r := f.Docker(t, "", "pull", "x")
	want := "Using default tag: latest\nlatest: Pulling from x\nabc: Pull complete\nDigest: " +
		"sha256:d\ndocker.io/library/x:latest\n"
	if r.Code != 0 || r.Out != want {
		t.Errorf("%+v", r)
	}
	if r := f.Docker(t, "", "pull", "-q", "x:1"); r.Out != "docker.io/library/x:1\n" {
		t.Errorf("quiet: %+v", r)
	}
}

func TestLoadAndSave(t *testing.T) {
	f := clienttest.New(t, docker.Main, map[string]http.HandlerFunc{
		"POST /images/load": clienttest.Reply(`{"stream":"Loaded image: x:1\n"}`),
		"GET /images/get":   clienttest.Reply("the archive"),
	})
	archive := clienttest.WriteFile(t, "a.tar", "tar bytes")
	for _, r := range []clienttest.Result{f.Docker(t, "", "load", "-i", archive), f.Docker(t, "tar bytes", "load")} {
		if r.Code != 0 || r.Out != "Loaded image: x:1\n" || string(f.Bodies["POST /images/load"]) != "tar bytes" {
			t.Errorf("%+v, the daemon got %q", r, f.Bodies["POST /images/load"])
		}
	}
	home := t.TempDir()
	if r := clienttest.In(t, docker.Main, home, f.Host, "", "save", "-o", "s.tar", "x:1", "y"); r.Code != 0 ||
		r.Out != "" {
		t.Errorf("%+v", r)
	}
	if raw, err := os.ReadFile(filepath.Join(home, "s.tar")); string(raw) != "the archive" || err != nil {
		t.Errorf("%q, %v", raw, err)
	}
	if last := f.Seen[len(f.Seen)-1]; last != "GET /images/get?names=x%3A1&names=y" {
		t.Error(last)
	}
	if r := f.Docker(t, "", "save", "-o", "/nope/s.tar", "x"); r.Code != 1 ||
		r.Stderr != "failed to save image: invalid output path: stat /nope: no such file or directory\n" {
		t.Errorf("%+v", r)
	}
	f.Routes["GET /images/get"] = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		w.Write([]byte("half"))
	}
	if r := clienttest.In(t, docker.Main, home, f.Host, "", "save", "-o", "s.tar", "x"); r.Code != 1 {
		t.Errorf("a download that broke off: %+v", r)
	}
	raw, _ := os.ReadFile(filepath.Join(home, "s.tar"))
	if left, _ := os.ReadDir(home); string(raw) != "the archive" || len(left) != 1 {
		t.Errorf("after a broken download: %q, %v", raw, left)
	}
}

func TestImport(t *testing.T) {
	f := clienttest.New(t, docker.Main,
		map[string]http.HandlerFunc{"POST /images/create": clienttest.Reply(`{"status":"sha256:new"}`)})
	if r := f.Docker(t, "tar bytes", "import", "-m", "msg", "-c", "CMD x", "-", "r:t"); r.Out != "sha256:new\n" ||
		string(f.Bodies["POST /images/create"]) != "tar bytes" {
		t.Errorf("%+v", r)
	}
	if last := f.Seen[len(f.Seen)-1]; last != "POST /images/create?changes=CMD+x&fromSrc=-&message=msg&repo=r&tag=t" {
		t.Error(last)
	}
	f.Docker(t, "", "import", "http://h/x.tar")
	if last := f.Seen[len(f.Seen)-1]; last != "POST /images/create?fromSrc=http%3A%2F%2Fh%2Fx.tar" {
		t.Error(last)
	}
	program := clienttest.WriteFile(t, "prog", "\x7fELF and so on")
	f.Docker(t, "", "import", program)
	if body := f.Bodies["POST /images/create"]; !bytes.Contains(body, []byte("\x7fELF and so on")) ||
		!bytes.Contains(body, []byte("prog\x00")) {
		t.Errorf("one executable was sent as %.40q", body)
	}
	folder := t.TempDir()
	os.WriteFile(filepath.Join(folder, "inside"), []byte("x"), 0o600)
	f.Docker(t, "", "import", folder)
	if body := f.Bodies["POST /images/create"]; !bytes.Contains(body, []byte("inside\x00")) {
		t.Errorf("a folder was sent as %.40q", body)
	}
}
