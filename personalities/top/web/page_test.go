package web

import (
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

// maxPage is what all of the page may take in the file, and over the network, in bytes.
const maxPage = 150 << 10

// The page is whole, small, and asks for nothing from outside. Where it was not built, it says so.
func TestPage(t *testing.T) {
	names, err := fs.Glob(packed, "packed/*.gz")
	if err != nil {
		t.Fatal(err)
	}
	s, _ := serve(t, newDaemon(0))
	_, body := call(s, "GET", "/", "")
	if len(names) == 0 {
		if !strings.Contains(body, "make build") {
			t.Errorf("the page that was not built: %s", body)
		}
		t.Log("the page was not built")
		return
	}
	sum := 0
	for _, name := range names {
		raw, err := fs.ReadFile(packed, name)
		if err != nil {
			t.Fatal(err)
		}
		sum += len(raw)
		path := "/" + strings.TrimSuffix(filepath.Base(name), ".gz")
		code, text := call(s, "GET", path, "")
		if code != 200 {
			t.Errorf("%s: %d", path, code)
		}
		if strings.Contains(path, "uplot") || strings.HasSuffix(path, ".svg") {
			continue
		}
		text = strings.ReplaceAll(text, "'http://www.w3.org/2000/svg'", "") // a name, which nothing fetches
		for _, bad := range []string{"http://", "https://", "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write",
			"eval(", "style="} {
			if strings.Contains(text, bad) {
				t.Errorf("%s has %s", path, bad)
			}
		}
	}
	t.Logf("%d files, %d bytes", len(names), sum)
	if sum > maxPage {
		t.Errorf("the page takes %d bytes, more than %d", sum, maxPage)
	}
	// all that the page and its modules name is there
	refs := regexp.MustCompile(`(?:href|src)="([a-z.]+)"|from '\./([a-z]+\.js)'`)
	seen := map[string]bool{}
	for queue := []string{"/"}; len(queue) > 0; queue = queue[1:] {
		_, text := call(s, "GET", queue[0], "")
		for _, m := range refs.FindAllStringSubmatch(text, -1) {
			path := "/" + m[1] + m[2]
			if seen[path] {
				continue
			}
			seen[path] = true
			if code, _ := call(s, "GET", path, ""); code != 200 {
				t.Errorf("%s names %s: %d", queue[0], path, code)
			}
			queue = append(queue, path)
		}
	}
	for _, want := range []string{"/uplot.js", "/uplot.css", "/main.js", "/style.css", "/graphs.js", "/screen.js"} {
		if !seen[want] {
			t.Errorf("nothing names %s", want)
		}
	}
}

// What is embedded is what the folder has: a change of the page without make is not tested.
func TestPageIsCurrent(t *testing.T) {
	files, err := openAssets(packed)
	if err != nil {
		t.Fatal(err)
	}
	if _, built := files["/index.html"]; !built {
		t.Skip("the page was not built")
	}
	sources, err := filepath.Glob("page/*")
	if err != nil || len(sources) == 0 {
		t.Fatal(sources, err)
	}
	for _, path := range sources {
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		got, err := unpack(files["/"+filepath.Base(path)].packed)
		if err != nil || string(got) != string(want) {
			t.Errorf("%s has changed since make page: %v", path, err)
		}
	}
}

func TestUnbuiltPage(t *testing.T) {
	files, err := openAssets(fstest.MapFS{"packed/unbuilt.html": {Data: []byte("not built")}})
	if err != nil {
		t.Fatal(err)
	}
	if a := files["/"]; !a.plain || string(a.packed) != "not built" {
		t.Errorf("%+v", a)
	}
}

// Browsers keep files and ask whether they are the same; who does not take gzip gets them plain.
func TestAssets(t *testing.T) {
	s, _ := serve(t, newDaemon(0))
	ask := func(headers ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = "localhost"
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w
	}
	plain := ask()
	tag := plain.Header().Get("Etag")
	if !strings.Contains(plain.Body.String(), "<!doctype html>") || tag == "" ||
		plain.Header().Get("Content-Encoding") != "" {
		t.Errorf("%v %.60s", plain.Header(), plain.Body)
	}
	for _, list := range []string{tag, "W/" + tag, `"x", ` + tag} {
		if w := ask("If-None-Match", list); w.Code != http.StatusNotModified || w.Body.Len() > 0 {
			t.Errorf("If-None-Match %s: %d", list, w.Code)
		}
	}
	if w := ask("If-None-Match", `"other"`); w.Code != 200 {
		t.Errorf("another tag: %d", w.Code)
	}
	packed := ask("Accept-Encoding", "br, gzip")
	if s.files["/"].plain {
		return
	}
	if text, err := unpack(packed.Body.Bytes()); err != nil || string(text) != plain.Body.String() ||
		packed.Header().Get("Content-Encoding") != "gzip" {
		t.Errorf("compressed: %v %v", packed.Header(), err)
	}
}

func TestAddress(t *testing.T) {
	for text, want := range map[string]string{"": "127.0.0.1:8080", ":9": "127.0.0.1:9", "localhost": "localhost:8080",
		"0.0.0.0": "0.0.0.0:8080", "10.0.0.1:81": "10.0.0.1:81", "::1": "[::1]:8080", "[::1]": "[::1]:8080",
		"[::]:80": "[::]:80", "box.example:443": "box.example:443",
		"a/b": "", "http://x": "", "x:y": "", "x:70000": "", "x:-1": "", "a b": ""} {
		got, err := Address(text)
		if got != want || (err != nil) != (want == "") {
			t.Errorf("%q: %q %v, want %q", text, got, err, want)
		}
	}
}

// What others could reach is refused without TLS, unless it is meant.
func TestListen(t *testing.T) {
	server, _, _, _ := secure(t)
	for _, one := range []struct {
		address  string
		secure   bool
		insecure bool
		ok       bool
	}{
		{"127.0.0.1:0", false, false, true}, {"localhost:0", false, false, true}, {":0", false, false, true},
		{"127.9.9.9:0", false, false, true},
		{"0.0.0.0:0", false, false, false}, {"[::]:0", false, false, false},
		{"0.0.0.0:0", true, false, true}, {"0.0.0.0:0", false, true, true},
	} {
		tls := server
		if !one.secure {
			tls = nil
		}
		l, err := Listen(one.address, tls, one.insecure)
		if (err == nil) != one.ok {
			t.Errorf("%+v: %v", one, err)
		}
		if err == nil {
			if a := l.Addr().(*net.TCPAddr); !one.secure && !one.insecure && !a.IP.IsLoopback() {
				t.Errorf("%+v listens on %s", one, a)
			}
			l.Close()
		} else if !strings.Contains(err.Error(), "without encryption") {
			t.Errorf("%+v: %v", one, err)
		}
	}
}

// Connections beyond the limit are closed, and one that ends makes place.
func TestConnections(t *testing.T) {
	s, _ := serve(t, newDaemon(0))
	address := listening(t, s)
	var open []net.Conn
	defer func() {
		for _, c := range open {
			c.Close()
		}
	}()
	for range maxConnections {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, c)
	}
	within(t, "a refused connection", func() bool {
		_, err := http.Get("http://" + address + "/api/hosts")
		return err != nil
	})
	open[0].Close()
	within(t, "a place", func() bool {
		answer, err := http.Get("http://" + address + "/api/hosts")
		if err == nil {
			answer.Body.Close()
		}
		return err == nil
	})
	http.DefaultClient.CloseIdleConnections()
}
