package netapi

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"box/netapi/authz"
)

// TestWholeBody: what the plugins do not see whole, no handler reads as parameters.
func TestWholeBody(t *testing.T) {
	long := `{"x":"` + strings.Repeat("x", maxBody) + `"}`
	for _, row := range []struct {
		sort, body string
		chunked    bool
		seen       string // "" for nothing
		refused    bool
		parsed     bool // readJSON takes what is left
	}{
		{"application/json", `{"x":"y"}`, false, `{"x":"y"}`, false, true},
		{"application/json; charset=utf-8", `{"x":"y"}`, true, `{"x":"y"}`, false, true},
		{"", `{"x":"y"}`, false, "", false, false}, {"", `{"x":"y"}`, true, "", false, false},
		{"application/json", long, false, "", true, false}, {"application/json", long, true, "", true, false},
		{"", long, true, "", false, false}, {"", long, false, "", false, false},
		{"application/x-tar", `{"x":"y"}`, false, "", false, false}, {"text/plain", `{"x":"y"}`, true, "", false, false},
		{"application/x-www-form-urlencoded", "a=b", false, "", true, false},
		{"multipart/form-data; boundary=x", "--x", false, "", true, false}, {"nonsense/", "x", false, "", true, false},
	} {
		r := httptest.NewRequest("POST", "/containers/create", strings.NewReader(row.body))
		if row.sort != "" {
			r.Header.Set("Content-Type", row.sort)
		}
		if row.chunked {
			r.ContentLength = -1
		}
		seen, err := wholeBody(r)
		if (err != nil) != row.refused || string(seen) != row.seen {
			t.Errorf("%s %.20s: %.40q, %v", row.sort, row.body, seen, err)
		}
		if err != nil {
			continue
		}
		var v struct{ X string }
		body := r.Body
		if perr := readJSON(httptest.NewRecorder(), r, &v); (perr == nil && v.X == "y") != row.parsed {
			t.Errorf("%s %.20s: parsed %.20q, %v", row.sort, row.body, v.X, perr)
		}
		if !row.parsed {
			if left, err := io.ReadAll(body); err != nil || string(left) != row.body {
				t.Errorf("%s: %d bytes of %d are left, %v", row.sort, len(left), len(row.body), err)
			}
		}
	}
}

// TestHeldReply: nothing of a reply is sent before the plugins agree, and nothing at all when they do not.
func TestHeldReply(t *testing.T) {
	no := errors.New("no")
	for _, row := range []struct {
		name string
		do   func(http.ResponseWriter) error
		seen string // of the body, when asked
		body string
	}{
		{"plain", func(w http.ResponseWriter) error { _, err := io.WriteString(w, "abc"); return err }, "abc", "abc"},
		{"stream", func(w http.ResponseWriter) error {
			_, _ = io.WriteString(w, "a")
			err := http.NewResponseController(w).Flush()
			_, werr := io.WriteString(w, "bc")
			return errors.Join(err, werr)
		}, "a", "abc"},
		{"long", func(w http.ResponseWriter) error {
			_, err := io.WriteString(w, strings.Repeat("x", maxBody+1))
			_, werr := io.WriteString(w, "y")
			return errors.Join(err, werr)
		}, strings.Repeat("x", maxBody+1), strings.Repeat("x", maxBody+1) + "y"},
		{"none", func(w http.ResponseWriter) error { w.WriteHeader(http.StatusNoContent); return nil }, "", ""},
	} {
		for _, verdict := range []error{nil, no} {
			out, times := httptest.NewRecorder(), 0
			h := &heldReply{ResponseWriter: out, ask: func(h *heldReply) error {
				times++
				if h.body.String() != row.seen || out.Body.Len() > 0 {
					t.Errorf("%s: asked about %.20q", row.name, h.body.String())
				}
				return verdict
			}}
			h.Header().Set("Secret", "x")
			_ = row.do(h)
			err := h.finish()
			switch {
			case !errors.Is(err, verdict) || times != 1:
				t.Errorf("%s: %v, asked %d times", row.name, err, times)
			case verdict == nil && out.Body.String() != row.body:
				t.Errorf("%s: %.20q", row.name, out.Body.String())
			case verdict != nil && (out.Body.Len() > 0 || len(out.Header()) > 0):
				t.Errorf("%s: %.20q was sent", row.name, out.Body.String())
			}
		}
	}
}

func TestMask(t *testing.T) {
	r := httptest.NewRequest("POST", "/x",
		strings.NewReader(`{"Image":"b","Env":["A=secret","B"],"Password":"secret","Nested":[{"IdentityToken":{"x":"secret"}}],"n":1}`))
	r.Header.Set("Content-Type", "application/json")
	raw := peek(r)
	if left, err := io.ReadAll(r.Body); err != nil || string(left) != string(raw) {
		t.Errorf("%q, %v", left, err)
	}
	text := shown(map[string]any{"Image": "b", "Env": []any{"A=secret", "B"}, "Password": "secret",
		"Nested": []any{map[string]any{"IdentityToken": map[string]any{"x": "secret"}}}, "n": 1})
	if strings.Contains(text, "secret") ||
		text != `{"Env":["A=*****","B"],"Image":"b","Nested":[{"IdentityToken":"*****"}],"Password":"*****","n":1}` {
		t.Error(text)
	}
}

func TestCanonicalURI(t *testing.T) {
	for typed, seen := range map[string]string{
		"/v1.47/containers/create?name=a%20b": "/v1.47/containers/create?name=a%20b",
		"/containers/creat%65":                "/containers/create",
		"http://x/containers/json?all=1":      "/containers/json?all=1", "/images/a%2Fb%3A1/json": "/images/a/b:1/json",
		"/a%20b": "/a%20b",
	} {
		if got := canonicalURI(httptest.NewRequest("GET", typed, nil).URL); got != seen {
			t.Errorf("%s: %s", typed, got)
		}
	}
}

// shownConn is a connection from within the process.
type shownConn struct {
	net.Conn
	state *tls.ConnectionState
}

func (c shownConn) Shown() *tls.ConnectionState { return c.state }

// Who is behind a connection from within the process has the rights of the certificate that was shown, although the
// connection is local; without one it is the process itself that asks.
func TestInside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "policy")
	if err := os.WriteFile(path, []byte("all anna\nread bert\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	policy, err := authz.ReadPolicy(path)
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{log: slog.New(slog.DiscardHandler)}
	s.Authorize(nil, policy)
	for _, one := range []struct {
		name, method string
		ok           bool
	}{
		{"", "GET", true}, {"", "POST", true}, {"anna", "GET", true}, {"anna", "POST", true},
		{"bert", "GET", true}, {"bert", "POST", false}, {"carl", "GET", false}, {"carl", "POST", false},
	} {
		conn := shownConn{}
		if one.name != "" {
			conn.state = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{
				{Subject: pkix.Name{CommonName: one.name}}}}
		}
		r := httptest.NewRequest(one.method, "/x", nil)
		ctx := context.WithValue(r.Context(), http.LocalAddrContextKey, &net.UnixAddr{Net: "unix"})
		r = behind(r.WithContext(inside(ctx, conn)))
		if got := clientName(r); got != one.name {
			t.Errorf("%q is taken for %q", one.name, got)
		}
		err := s.authorized(httptest.NewRecorder(), r, &route{method: one.method},
			func(http.ResponseWriter, *http.Request) error { return nil })
		if (err == nil) != one.ok {
			t.Errorf("%s by %q: %v", one.method, one.name, err)
		}
	}
}
