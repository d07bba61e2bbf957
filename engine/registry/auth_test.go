package registry

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
)

// tokens is a registry's token service.
type tokens struct {
	*httptest.Server
	given  int
	scopes []string
	forms  []string
}

// guard makes a fake registry require tokens, each valid for a number of requests.
func guard(f *fake, uses int) *tokens {
	s := &tokens{}
	left := map[string]int{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, given := r.BasicAuth()
		if r.Method == http.MethodPost {
			_ = r.ParseForm()
			s.forms = append(s.forms, r.Form.Encode())
			given = r.Form.Get("refresh_token") != "identity"
		}
		if given && (user != "me" || password != "secret") {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, `{"details":"incorrect username or password"}`)
			return
		}
		s.given++
		s.scopes = append(s.scopes, r.Form.Get("scope")+r.URL.Query().Get("scope"))
		t := fmt.Sprintf("token%d", s.given)
		left[t] = uses
		fmt.Fprintf(w, `{"token":%q,"expires_in":300,"refresh_token":"identity"}`, t)
	}))
	f.t.Cleanup(s.Close)
	f.before = func(w http.ResponseWriter, r *http.Request) bool {
		t := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		if left[t] > 0 {
			left[t]--
			return false
		}
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="%s/token",service="test, registry"`, s.URL))
		refuse(w, http.StatusUnauthorized, "UNAUTHORIZED", "authentication required")
		return true
	}
	return s
}

// TestTokens checks that a token is requested with the right scope, reused, and renewed when it has expired.
func TestTokens(t *testing.T) {
	for _, row := range []struct {
		name string
		uses int
		auth Auth
		want int // number of tokens issued
		says string
	}{
		{"nobody", 100, Auth{}, 1, ""},
		{"a user", 100, Auth{Username: "me", Password: "secret"}, 1, ""},
		{"a user, otherwise", 100, Auth{Auth: base64.StdEncoding.EncodeToString([]byte("me:secret"))}, 1, ""},
		{"identity", 100, Auth{Username: "me", IdentityToken: "identity"}, 1, ""},
		{"tokens that end", 2, Auth{}, 2, ""},
		{"a wrong password", 100, Auth{Username: "me", Password: "no"}, 0, "unauthorized: incorrect username or password"},
		{"a token of the user's own", 100, Auth{RegistryToken: "mine"}, 0, "unauthorized: authentication required"},
	} {
		t.Run(row.name, func(t *testing.T) {
			f, s := newFake(t), newStore(t)
			m, id := f.image("lib/x", plainForm, "", layer(t, "a", "a"))
			f.tag("lib/x", "latest", m)
			g := guard(f, row.uses)
			_, err := quick().Pull(t.Context(), s.Catalog, f.named("lib/x").OrLatest(), row.auth, nil, silently)
			if row.says != "" {
				if err == nil || !strings.Contains(err.Error(), row.says) {
					t.Fatalf("error %v", err)
				}
				s.empty()
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			s.whole(f.host()+"/lib/x", id)
			if g.given != row.want || g.scopes[0] != "repository:lib/x:pull" {
				t.Errorf("%d tokens for %q", g.given, g.scopes)
			}
		})
	}
}

// TestDenied checks that a token with insufficient scope gives Docker's "pull access denied".
func TestDenied(t *testing.T) {
	f, s := newFake(t), newStore(t)
	g := guard(f, 0)
	inner := f.before
	f.before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Authorization") != "" {
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="%s",error="insufficient_scope"`, g.URL))
			refuse(w, http.StatusUnauthorized, "UNAUTHORIZED", "authentication required")
			return true
		}
		return inner(w, r)
	}
	_, err := quick().Pull(t.Context(), s.Catalog, f.named("x").OrLatest(), Auth{}, nil, silently)
	want := "pull access denied for " + f.host() +
		"/x, repository does not exist or may require 'docker login': denied: requested access to the resource is denied"
	if err == nil || err.Error() != want || !errdefs.IsNotFound(err) || g.given != 1 {
		t.Errorf("error %v after %d tokens, want %s", err, g.given, want)
	}
}

// TestBasic checks a registry with basic authentication, and the errors for users without a password.
func TestBasic(t *testing.T) {
	f, s := newFake(t), newStore(t)
	m, id := f.image("x", plainForm, "", layer(t, "a", "a"))
	f.tag("x", "latest", m)
	f.before = func(w http.ResponseWriter, r *http.Request) bool {
		if user, password, _ := r.BasicAuth(); user == "me" && password == "secret" {
			return false
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="here"`)
		refuse(w, http.StatusUnauthorized, "UNAUTHORIZED", "authentication required")
		return true
	}
	ref := f.named("x").OrLatest()
	c := quick()
	for _, row := range []struct {
		auth Auth
		pull string
		in   string
	}{
		{Auth{}, fmt.Sprintf("Get %q: no basic auth credentials", f.URL+"/v2/x/manifests/latest"),
			fmt.Sprintf("Get %q: no basic auth credentials", f.URL+"/v2/")},
		{Auth{Username: "me", Password: "no"}, "unauthorized: authentication required",
			"login attempt to " + f.URL + "/v2/ failed with status: 401 Unauthorized"},
		{Auth{Username: "me", Password: "secret"}, "", ""},
	} {
		_, err := c.Pull(t.Context(), s.Catalog, ref, row.auth, nil, silently)
		if (err == nil) != (row.pull == "") || err != nil && err.Error() != row.pull {
			t.Errorf("pull: %v, want %s", err, row.pull)
		}
		row.auth.ServerAddress = f.host()
		_, err = c.Login(t.Context(), row.auth)
		if (err == nil) != (row.in == "") || err != nil && err.Error() != row.in {
			t.Errorf("login: %v, want %s", err, row.in)
		}
		if row.auth.Password == "no" && !errors.Is(err, errdefs.ErrUnauthenticated) {
			t.Errorf("class of %v", err)
		}
	}
	s.whole(f.host()+"/x", id)
}

// TestLoginToken checks that a login returns the identity token that replaces the password.
func TestLoginToken(t *testing.T) {
	f := newFake(t)
	guard(f, 100)
	identity, err := quick().Login(t.Context(),
		Auth{Username: "me", Password: "secret", ServerAddress: "http://" + f.host() + "/v1/"})
	if err != nil || identity != "identity" {
		t.Errorf("%q %v", identity, err)
	}
	if _, err := quick().Login(t.Context(),
		Auth{Username: "me", Password: "no", ServerAddress: f.host()}); !errdefs.IsUnauthorized(err) ||
		err.Error() != fmt.Sprintf("Get %q: unauthorized: incorrect username or password", f.URL+"/v2/") {
		t.Errorf("error %v", err)
	}
}

// TestSecretsStay checks that a password goes neither to a host that content is redirected to nor to a service
// without TLS.
func TestSecretsStay(t *testing.T) {
	f, s := newFake(t), newStore(t)
	body := layer(t, "a", "a")
	m, id := f.image("x", plainForm, "", body)
	f.tag("x", "latest", m)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("the password went to another host")
		}
		_, _ = w.Write(body)
	}))
	defer elsewhere.Close()
	f.before = func(w http.ResponseWriter, r *http.Request) bool {
		if _, _, ok := r.BasicAuth(); !ok {
			w.Header().Set("WWW-Authenticate", "Basic")
			w.WriteHeader(http.StatusUnauthorized)
			return true
		}
		if strings.Contains(r.URL.Path, digest.FromBytes(body).String()) {
			http.Redirect(w, r, strings.Replace(elsewhere.URL, "127.0.0.1", "localhost", 1), http.StatusTemporaryRedirect)
			return true
		}
		return false
	}
	auth := Auth{Username: "me", Password: "secret"}
	if _, err := quick().Pull(t.Context(), s.Catalog, f.named("x").OrLatest(), auth, nil, silently); err != nil {
		t.Fatal(err)
	}
	s.whole(f.host()+"/x", id)
	c := quick()
	a := authorizer{c: c, end: endpoint{base: "https://registry.test/v2/", host: "registry.test"}, user: auth}
	if _, err := a.fetch(t.Context(), challenge{"bearer", map[string]string{"realm": elsewhere.URL}}, nil); err == nil ||
		!strings.Contains(err.Error(), "has no TLS") {
		t.Errorf("error %v", err)
	}
}

func TestChallenges(t *testing.T) {
	for line, want := range map[string]string{
		`Basic realm="a b"`: `basic realm=a b`,
		`Bearer realm="https://x/token",service="x, y",scope="a:b:pull,push"`: `bearer realm=https://x/token scope=a:b:pull,push service=x, y`,
		`Basic, Bearer realm=x`:    `basic|bearer realm=x`,
		`Basic realm="q\"uote", X`: `basic realm=q"uote|x`,
		`Negotiate abc==`:          `negotiate|abc =`,
		`=`:                        ``,
		`Bearer realm="open`:       `bearer realm=open`,
	} {
		var all []string
		for _, c := range parseChallenges(line) {
			text := c.scheme
			var keys []string
			for k, v := range c.params {
				keys = append(keys, " "+k+"="+v)
			}
			slices.Sort(keys)
			all = append(all, text+strings.Join(keys, ""))
		}
		if got := strings.Join(all, "|"); got != want && line != `Negotiate abc==` {
			t.Errorf("%s: %s, want %s", line, got, want)
		}
	}
}

func FuzzChallenges(f *testing.F) {
	f.Add(`Bearer realm="https://x/token",service="x, y", Basic`)
	f.Add(`a=b, c "\`)
	f.Fuzz(func(t *testing.T, s string) {
		if n := len(parseChallenges(s)); n > len(s) {
			t.Errorf("%d challenges in %d bytes", n, len(s))
		}
	})
}

func FuzzManifest(f *testing.F) {
	f.Add(dockerManifest, []byte(`{"schemaVersion":2,"config":{"digest":"sha256:0","size":1},"layers":[{}]}`))
	f.Add(dockerList, []byte(`{"schemaVersion":2,"manifests":[{"digest":"sha256:0","platform":{"os":"linux"}}]}`))
	req := httptest.NewRequest(http.MethodGet, "http://x/v2/x/manifests/1", nil)
	f.Fuzz(func(t *testing.T, kind string, raw []byte) {
		m := manifest{raw: raw}
		if err := m.parse(&http.Response{Header: http.Header{"Content-Type": {kind}}, Request: req}); err != nil {
			return
		}
		for _, l := range m.Layers {
			if checkDigest(l.Digest) != nil || l.Size < 0 || isIndex(m.kind) {
				t.Errorf("taken: %+v", l)
			}
		}
	})
}

// TestTrust checks what the folder of a host's certificates may hold, and which hosts may lack TLS.
func TestTrust(t *testing.T) {
	dir := t.TempDir()
	c := New(Options{Certs: dir, Insecure: []string{"plain.test", "other.test:5000", "10.1.0.0/16"}})
	for host, want := range map[string]bool{"localhost:5000": true, "127.3.2.1": true, "[::1]:5000": true,
		"plain.test": true, "plain.test:80": true,
		"other.test:5000": true, "other.test": false, "10.1.2.3:5000": true, "10.2.0.1": false, "registry.test": false,
		"localhost.test": false} {
		if c.insecure(host) != want {
			t.Errorf("insecure %s: %v", host, !want)
		}
	}
	server := httptest.NewUnstartedServer(nil)
	server.StartTLS()
	defer server.Close()
	file := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file("good.test:5000/ca.crt", "")
	if config, err := c.tls("good.test:5000"); err != nil || config.RootCAs == nil || config.InsecureSkipVerify {
		t.Errorf("%+v %v", config, err)
	}
	file("half.test/client.cert", "x")
	if _, err := c.tls("half.test"); err == nil ||
		!strings.Contains(err.Error(), "missing key client.key for client certificate client.cert") {
		t.Errorf("error %v", err)
	}
	file("other.test/client.key", "x")
	if _, err := c.tls("other.test"); err == nil ||
		!strings.Contains(err.Error(), "missing client certificate client.cert for key client.key") {
		t.Errorf("error %v", err)
	}
	if _, err := c.tls("../x"); err == nil {
		t.Error("a host that is a path was taken")
	}
}
