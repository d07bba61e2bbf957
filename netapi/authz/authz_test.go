package authz

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
)

// guard is a plugin that answers with what replies has for a method, and notes who was asked.
func guard(t *testing.T, name string, asked *[]string, replies map[string]string) *plugin {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		method := strings.TrimPrefix(r.URL.Path, "/")
		var q Request
		body, _ := io.ReadAll(r.Body)
		if len(body) > 0 && json.Unmarshal(body, &q) != nil || r.Header.Get("Accept") != mediaType {
			t.Errorf("%s: %q %q", method, body, r.Header)
		}
		*asked = append(*asked, name+" "+method+" "+string(q.RequestBody))
		text := replies[method]
		if status, ok := strings.CutPrefix(text, "500 "); ok {
			w.WriteHeader(500)
			text = status
		}
		_, _ = io.WriteString(w, text)
	}))
	t.Cleanup(srv.Close)
	p, err := dial(name, strings.Replace(srv.URL, "http:", "tcp:", 1), nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestChain(t *testing.T) {
	const yes, no = `{"Allow":true}`, `{"Allow":false,"Msg":"not today"}`
	ctx := context.Background()
	for _, row := range []struct{ first, second, says string }{
		{yes, yes, ""}, {yes, no, "authorization denied by plugin b: not today"},
		{no, yes, "authorization denied by plugin a: not today"},
		{`{"Allow":true,"Err":"broken"}`, yes, "plugin a failed with error: broken"},
		{`{}`, yes, "authorization denied by plugin a: "},
		{`nonsense`, yes, "plugin a failed with error: "}, {``, yes, "plugin a failed"},
		{`500 {"Err":"worse"}`, yes, "plugin a failed with error: AuthZPlugin.AuthZReq: worse"},
		{`500 x`, yes, "500 Internal"}, {`{"Allow":true}` + strings.Repeat(" ", maxAnswer), yes, "is longer than"},
	} {
		var asked []string
		c := &Chain{plugins: []*plugin{guard(t, "a", &asked, map[string]string{askRequest: row.first}),
			guard(t, "b", &asked, map[string]string{askRequest: row.second})}}
		err := c.Ask(ctx, &Request{RequestBody: []byte("body")})
		if (err == nil) != (row.says == "") || err != nil && !strings.Contains(err.Error(), row.says) ||
			errdefs.IsPermissionDenied(err) != strings.HasPrefix(row.says, "authorization denied") {
			t.Errorf("%.30s %s: %v", row.first, row.second, err)
		}
		if asked[0] != "a "+askRequest+" body" || (len(asked) == 2) != (row.first == yes) {
			t.Error(asked)
		}
	}
	var asked []string
	both := map[string]string{askResponse: yes}
	c := &Chain{plugins: []*plugin{guard(t, "a", &asked, both), guard(t, "b", &asked, both)}}
	if err := c.AskReply(ctx, &Request{}); err != nil ||
		!slices.Equal(asked, []string{"b " + askResponse + " ", "a " + askResponse + " "}) {
		t.Error(asked, err)
	}
}

func TestActivate(t *testing.T) {
	var asked []string
	for text, ok := range map[string]bool{`{"Implements":["authz"]}`: true,
		`{"Implements":["volumedriver","authz"]}`: true, `{"Implements":["volumedriver"]}`: false, `{}`: false, `x`: false} {
		if err := guard(t, "a", &asked,
			map[string]string{"Plugin.Activate": text}).activate(context.Background()); (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestFiles(t *testing.T) {
	for _, row := range []struct{ suffix, text, base string }{
		{".spec", "unix:///run/x.sock\n", "http://plugin/"}, {".spec", "tcp://localhost:8080", "http://localhost:8080/"},
		{".spec", "https://far:1", "https://far:1/"},
		{".json", `{"Name":"x","Addr":"tcp://far:1"}`, "http://far:1/"},
		{".json", `{"Name":"x","Addr":"tcp://far:1","TLSConfig":{"InsecureSkipVerify":true}}`, "https://far:1/"},
		{".json", `{"Addr":"https://far:1","TLSConfig":{"CAFile":"/nope"}}`, ""}, {".json", `{`, ""}, {".spec", "", ""},
		{".spec", "far:1", ""}, {".spec", "unix://", ""}, {".spec", "ftp://far", ""},
	} {
		p, err := fromFile("x", row.suffix, []byte(row.text))
		if (err == nil) != (row.base != "") || err == nil && p.base != row.base {
			t.Errorf("%s: %v", row.text, err)
		}
	}
	for _, name := range []string{"", "../x", "a/b", ".x", "surely-not-there"} {
		if _, err := find(name); err == nil {
			t.Errorf("%q is found", name)
		}
	}
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_,
			_ = io.WriteString(w, `{"Implements":["authz"]}`)
	})}
	go func() { _ = srv.Serve(l) }()
	defer srv.Close()
	p, err := dial("x", "unix://"+path, nil)
	if err == nil {
		err = p.activate(context.Background())
	}
	if err != nil {
		t.Error(err)
	}
}

func TestPolicy(t *testing.T) {
	p, err := parsePolicy([]byte("# who\nall anna\n read  the monitor \n\nread *\n"))
	if err != nil {
		t.Fatal(err)
	}
	for name, right := range map[string]Right{"anna": All, "the monitor": Read, "bob": Read, "": Read, "*": Read} {
		if p.Of(name) != right {
			t.Errorf("%q: %d", name, p.Of(name))
		}
	}
	strict, err := parsePolicy([]byte("all anna\nread bob"))
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name  string
		reads bool
		says  string
	}{
		{"anna", false, ""}, {"bob", true, ""}, {"bob", false, `the client "bob" may only read`},
		{"", true, "a client without a certificate may do nothing"}, {"eve", true, `"eve" may do nothing`},
	} {
		if err := strict.Check(row.name, row.reads); (err == nil) != (row.says == "") ||
			err != nil && !(strings.Contains(err.Error(), row.says) && errdefs.IsPermissionDenied(err)) {
			t.Errorf("%v: %v", row, err)
		}
	}
	for _, text := range []string{"allow x", "all", "read ", "all a\nread a", "read *\nall *",
		"all " + strings.Repeat("x", 1<<17)} {
		if _, err := parsePolicy([]byte(text)); err == nil {
			t.Errorf("%.20q is taken", text)
		}
	}
	if p, err := parsePolicy(nil); err != nil || p.Of("x") != Nothing {
		t.Error(err)
	}
}

func FuzzPolicy(f *testing.F) {
	f.Add([]byte("all a\nread b"))
	f.Fuzz(func(_ *testing.T, raw []byte) {
		if p, err := parsePolicy(raw); err == nil {
			_ = p.Check("a", false)
		}
	})
}
