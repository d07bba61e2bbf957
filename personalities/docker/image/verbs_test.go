package image_test

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"box/personalities/docker"
	"box/personalities/docker/clienttest"
)

func TestHistoryForms(t *testing.T) {
	f := clienttest.New(t, docker.Main, map[string]http.HandlerFunc{
		"GET /images/i/history": clienttest.Reply(`[{"Id":"sha256:0123456789abcdef","Created":1,"CreatedBy":"RUN\t` +
			strings.Repeat("x", 60) + `","Size":1500,"Comment":"c"},{"Id":"<missing>","Created":0,"CreatedBy":"","Size":0}]`),
		"GET /images/cut/history":  clienttest.Reply(`[{"Id":`),
		"GET /images/none/history": clienttest.Reply(`null`),
	})
	for _, row := range []struct {
		args, out string
		code      int
	}{
		{"--format {{.ID}} i", "0123456789ab\n<missing>\n", 0},
		{"--format {{.ID}} --no-trunc i", "sha256:0123456789abcdef\n<missing>\n", 0},
		{"-q i", "0123456789ab\n<missing>\n", 0},
		{"-q --no-trunc i", "sha256:0123456789abcdef\n<missing>\n", 0},
		{"--format {{.Size}} i", "1.5kB\n0B\n", 0},
		{"--format {{.Size}} -H=false i", "1500\n0\n", 0},
		{"--format {{.CreatedBy}} i", "RUN " + strings.Repeat("x", 40) + "…\n\n", 0},
		{"--format {{.CreatedBy}} --no-trunc i", "RUN " + strings.Repeat("x", 60) + "\n\n", 0},
		{"--format {{.Comment}} i", "c\n\n", 0},
		{"-q none", "", 0},
		{"-q cut", "", 1},
		{"-q --platform linux/amd64 i", "0123456789ab\n<missing>\n", 0},
		{"-q --platform linux/amd64/v1/more/x i", "", 1},
	} {
		r := f.Docker(t, "", append([]string{"history"}, strings.Fields(row.args)...)...)
		if r.Code != row.code || r.Out != row.out || (r.Code != 0) != (r.Stderr != "") {
			t.Errorf("history %s: %+v", row.args, r)
		}
	}
}

func TestSearchForms(t *testing.T) {
	f := clienttest.New(t, docker.Main, map[string]http.HandlerFunc{
		"GET /images/search": clienttest.Reply(`[{"name":"a","description":"one\nline\r` + strings.Repeat("y", 60) +
			`","star_count":12,"is_official":true},{"name":"b/c"}]`)})
	for _, row := range []struct{ args, out, asked string }{
		{"--format {{.Name}} x", "a\nb/c\n", "term=x"},
		{"--format {{.Description}} x", "one line " + strings.Repeat("y", 35) + "…\n\n", "term=x"},
		{"--format {{.Description}} --no-trunc x", "one line " + strings.Repeat("y", 60) + "\n\n", "term=x"},
		{"--format {{.StarCount}}{{.IsOfficial}} x", "12[OK]\n0\n", "term=x"},
		{"--format {{.Name}} --limit 5 x", "a\nb/c\n", "limit=5&term=x"},
		{"--format {{.Name}} -f is-official=true -f stars=3 x", "a\nb/c\n",
			"filters=%7B%22is-official%22%3A%7B%22true%22%3Atrue%7D%2C%22stars%22%3A%7B%223%22%3Atrue%7D%7D&term=x"},
	} {
		r := f.Docker(t, "", append([]string{"search"}, strings.Fields(row.args)...)...)
		if r.Code != 0 || r.Out != row.out || f.Seen[len(f.Seen)-1] != "GET /images/search?"+row.asked {
			t.Errorf("search %s: %+v asked %s", row.args, r, f.Seen[len(f.Seen)-1])
		}
	}
	r := f.Docker(t, "", "search", "--format", "json", "x")
	if !strings.Contains(r.Out, `"IsOfficial":"true"`) || !strings.Contains(r.Out, `"IsOfficial":"false"`) {
		t.Errorf("as JSON: %+v", r)
	}
}

// All names are tried; with -f, those that are missing are no failure.
func TestRemoveSeveral(t *testing.T) {
	f := clienttest.New(t, docker.Main, map[string]http.HandlerFunc{
		"DELETE /images/a":    clienttest.Reply(`[{"Untagged":"a:latest"},{"Deleted":"sha256:1"},{"Deleted":"sha256:2"}]`),
		"DELETE /images/used": clienttest.Refuse(409, "image is being used"),
		"DELETE /images/zz":   clienttest.Refuse(404, "No such image: zz")})
	for _, row := range []struct {
		args, stderr string
		code         int
	}{
		{"a", "", 0},
		{"zz a", "Error response from daemon: No such image: zz\n", 1},
		{"-f zz a", "Error response from daemon: No such image: zz\n", 0},
		{"-f used a", "Error response from daemon: image is being used\n", 1},
	} {
		r := f.Docker(t, "", append([]string{"rmi"}, strings.Fields(row.args)...)...)
		if r.Code != row.code || r.Out != "Untagged: a:latest\nDeleted: sha256:1\nDeleted: sha256:2\n" ||
			r.Stderr != row.stderr {
			t.Errorf("rmi %s: %+v", row.args, r)
		}
	}
}

// What tag sends for each form of a name, and which names it refuses before it asks.
func TestTagNames(t *testing.T) {
	f := clienttest.New(t, docker.Main, map[string]http.HandlerFunc{})
	f.Other = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(201) }
	for _, row := range []struct{ name, asked string }{
		{"x", "repo=x&tag=latest"},
		{"x:1", "repo=x&tag=1"},
		{"a/b/x", "repo=a%2Fb%2Fx&tag=latest"},
		{"host:5000/x", "repo=host%3A5000%2Fx&tag=latest"},
		{"host:5000/x:1.0-rc_1", "repo=host%3A5000%2Fx&tag=1.0-rc_1"},
		{"docker.io/library/x", "repo=x&tag=latest"},
	} {
		r := f.Docker(t, "", "tag", "i", row.name)
		if last := f.Seen[len(f.Seen)-1]; r.Code != 0 || last != "POST /images/i/tag?"+row.asked {
			t.Errorf("tag i %s: %+v asked %s", row.name, r, last)
		}
	}
	for _, bad := range []string{"X", "x:", "x:a b", ":1", "a//b", "x:" + strings.Repeat("a", 129),
		strings.Repeat("a", 260), "host:port/x:y:z"} {
		asked := len(f.Seen)
		r := f.Docker(t, "", "tag", "i", bad)
		if r.Code != 1 || !strings.HasPrefix(r.Stderr, "Error parsing reference: ") ||
			strings.Contains(strings.Join(f.Seen[asked:], " "), "tag") {
			t.Errorf("tag i %.30q: %+v asked %q", bad, r, f.Seen[asked:])
		}
	}
}

// elf is a program as far as its head tells: with a loader, it is linked dynamically.
func elf(wide, big bool, loader string) []byte {
	order := binary.ByteOrder(binary.LittleEndian)
	raw := make([]byte, 256)
	copy(raw, "\x7fELF")
	raw[4], raw[5] = 1, 1
	if big {
		raw[5], order = 2, binary.BigEndian
	}
	count := uint16(1)
	if loader != "" {
		count = 2
	}
	at, size := 64, 32
	if wide {
		raw[4], size = 2, 56
		order.PutUint64(raw[32:], 64)
		order.PutUint16(raw[54:], 56)
		order.PutUint16(raw[56:], count)
	} else {
		order.PutUint32(raw[28:], 64)
		order.PutUint16(raw[42:], 32)
		order.PutUint16(raw[44:], count)
	}
	order.PutUint32(raw[at:], 1) // PT_LOAD
	if loader == "" {
		return raw
	}
	second := raw[at+size:]
	order.PutUint32(second, 3) // PT_INTERP
	if wide {
		order.PutUint64(second[8:], 200)
		order.PutUint64(second[32:], uint64(len(loader)+1))
	} else {
		order.PutUint32(second[4:], 200)
		order.PutUint32(second[16:], uint32(len(loader)+1))
	}
	copy(raw[200:], loader)
	return raw
}

// What import makes of a file: an archive goes as it is, a static program becomes an image that runs it, a dynamic one
// is refused, and damaged programs neither panic nor read far.
func TestImportSources(t *testing.T) {
	var huge = elf(true, false, "/lib/ld.so")
	binary.LittleEndian.PutUint64(huge[64+56+32:], 1<<62)
	var far = elf(true, false, "/lib/ld.so")
	binary.LittleEndian.PutUint64(far[32:], 1<<63)
	for _, row := range []struct {
		title   string
		content []byte
		program bool
		says    string
	}{
		{"an archive", clienttest.TarOf(t, clienttest.File("f", "x")), false, ""},
		{"an empty file", nil, false, ""},
		{"a short one", []byte("ELF"), false, ""},
		{"a program of 64 bits", elf(true, false, ""), true, ""},
		{"a program of 32 bits", elf(false, false, ""), true, ""},
		{"a program of 32 bits, big endian", elf(false, true, ""), true, ""},
		{"a program of 64 bits, big endian", elf(true, true, ""), true, ""},
		{"a dynamic one", elf(true, false, "/lib64/ld-linux.so.2"), false, "it would not find /lib64/ld-linux.so.2"},
		{"a dynamic one of 32 bits", elf(false, true, "/lib/ld.so"), false, "it would not find /lib/ld.so"},
		{"a head that is cut", []byte("\x7fELF\x02\x01"), true, ""},
		{"a loader of 2^62 bytes", huge, false, "it would not find /lib/ld.so"},
		{"a table beyond everything", far, true, ""},
	} {
		f := clienttest.New(t, docker.Main, map[string]http.HandlerFunc{
			"POST /images/create": clienttest.Reply(`{"status":"sha256:new"}`)})
		path := filepath.Join(t.TempDir(), "prog")
		if err := os.WriteFile(path, row.content, 0o755); err != nil {
			t.Fatal(err)
		}
		r := f.Docker(t, "", "import", path)
		sent, asked := f.Bodies["POST /images/create"], strings.Join(f.Seen, " ")
		if row.says != "" {
			if r.Code != 1 || !strings.Contains(r.Stderr, row.says) || sent != nil {
				t.Errorf("%s: %+v", row.title, r)
			}
			continue
		}
		if r.Code != 0 || strings.Contains(asked, "ENTRYPOINT") != row.program {
			t.Errorf("%s: %+v asked %s", row.title, r, asked)
		}
		if !row.program {
			if !bytes.Equal(sent, row.content) {
				t.Errorf("%s is sent as %d bytes", row.title, len(sent))
			}
			continue
		}
		h, err := tar.NewReader(bytes.NewReader(sent)).Next()
		if err != nil || h.Name != "prog" || h.Mode&0o111 == 0 {
			t.Errorf("%s: %+v %v", row.title, h, err)
		}
	}
}

// A program that is imported with a CMD or ENTRYPOINT keeps those.
func TestImportOwnProgram(t *testing.T) {
	for change, added := range map[string]bool{"CMD x": false, "entrypoint [\"/y\"]": false, "ENV A=CMD": true, "": true} {
		f := clienttest.New(t, docker.Main, map[string]http.HandlerFunc{
			"POST /images/create": clienttest.Reply(`{"status":"x"}`)})
		path := filepath.Join(t.TempDir(), "prog")
		os.WriteFile(path, elf(true, false, ""), 0o755)
		args := []string{"import"}
		if change != "" {
			args = append(args, "-c", change)
		}
		f.Docker(t, "", append(args, path)...)
		if got := strings.Contains(f.Seen[len(f.Seen)-1], "ENTRYPOINT+%5B%22%2Fprog"); got != added {
			t.Errorf("-c %s: asked %s", change, f.Seen[len(f.Seen)-1])
		}
	}
}

// load of a folder: an unpacked image is packed, archives are loaded one after another, and one that fails does not
// keep the others back.
func TestLoadFolders(t *testing.T) {
	f := clienttest.New(t, docker.Main, map[string]http.HandlerFunc{
		"POST /images/load": clienttest.Reply(`{"stream":"Loaded image: x\n"}`)})
	folder := t.TempDir()
	for name, content := range map[string]string{"b.tar": "bbbbb", "a.tar.gz": "aaaaa", "c.TGZ": "ccccc", "readme": "no"} {
		os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600)
	}
	os.Mkdir(filepath.Join(folder, "d.tar"), 0o700)
	os.Symlink("/nowhere", filepath.Join(folder, "e.tar"))
	if r := f.Docker(t, "", "load", "-i", folder); r.Code != 0 || r.Out != strings.Repeat("Loaded image: x\n", 3) {
		t.Errorf("%+v", r)
	}
	empty := t.TempDir()
	if r := f.Docker(t, "", "load", "-i", empty); r.Code != 1 || !strings.Contains(r.Stderr, "contains no archives") {
		t.Errorf("%+v", r)
	}
	if r := f.Docker(t, "", "load", "-i", filepath.Join(empty, "zz")); r.Code != 1 ||
		!strings.Contains(r.Stderr, "zz: no such file or directory") {
		t.Errorf("%+v", r)
	}
	layout := t.TempDir()
	os.WriteFile(filepath.Join(layout, "manifest.json"), []byte("[]"), 0o600)
	if r := f.Docker(t, "", "load", "-i", layout); r.Code != 0 {
		t.Errorf("%+v", r)
	}
	names := []string{}
	for in := tar.NewReader(bytes.NewReader(f.Bodies["POST /images/load"])); ; {
		h, err := in.Next()
		if err != nil {
			break
		}
		names = append(names, strings.TrimPrefix(h.Name, "./"))
	}
	if !slices.Contains(names, "manifest.json") {
		t.Errorf("the unpacked image is sent with %q", names)
	}
}
