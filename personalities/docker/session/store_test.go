package session

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"box/netapi/wire"
	"box/personalities/cmd"
)

// inHome is a session with settings of its own.
func inHome(t *testing.T, config string) *Session {
	t.Helper()
	s := &Session{Env: &cmd.Env{Getenv: func(string) string { return "" }}}
	s.Flags.Config = t.TempDir()
	if config != "" {
		if err := os.WriteFile(filepath.Join(s.Flags.Config, "config.json"), []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// Whatever config.json holds, a change of one key leaves the others, or the file is refused and stays as it is.
func TestSettingsAreKept(t *testing.T) {
	for _, row := range []struct {
		config string
		ok     bool
		rest   string // what stays
	}{
		{"", true, `{}`}, {"{}", true, `{}`}, {"null", true, `{}`}, {" null\n", true, `{}`},
		{`{"future":{"a":[1,2.50,null]}}`, true, `{"future":{"a":[1,2.50,null]}}`},
		{`{"psFormat":5,"currentContext":"old"}`, true, `{"psFormat":5}`},
		{`{"auths":null,"aliases":null}`, true, `{"aliases":null,"auths":null}`},
		{`[]`, false, ""}, {`{`, false, ""}, {`"x"`, false, ""}, {`{"auths":[]}`, false, ""},
		{`{"currentContext":5}`, false, ""}, {`{} x`, false, ""},
	} {
		s := inHome(t, row.config)
		path := filepath.Join(s.Flags.Config, "config.json")
		err := s.SaveCurrent("new")
		raw, _ := os.ReadFile(path)
		if !row.ok {
			if err == nil || !strings.Contains(err.Error(), path) || string(raw) != row.config {
				t.Errorf("%s: %v, and the file is %s", row.config, err, raw)
			}
			continue
		}
		var kept map[string]json.RawMessage
		if err != nil || json.Unmarshal(raw, &kept) != nil || string(kept["currentContext"]) != `"new"` {
			t.Errorf("%s: %v %s", row.config, err, raw)
			continue
		}
		delete(kept, "currentContext")
		rest, _ := json.Marshal(kept)
		if string(rest) != row.rest {
			t.Errorf("%s: %s stays", row.config, rest)
		}
		if err := s.SaveCurrent(DefaultContext); err != nil {
			t.Error(err)
		}
		if raw, _ := os.ReadFile(path); strings.Contains(string(raw), "currentContext") {
			t.Errorf("%s: the default context is stored: %s", row.config, raw)
		}
	}
}

// Credentials as Docker and other tools store them, whole and broken.
func TestStoredCredentials(t *testing.T) {
	b64 := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	for _, row := range []struct {
		stored string
		want   wire.Auth
	}{
		{`{"auth":"` + b64("u:p") + `"}`, wire.Auth{Username: "u", Password: "p", ServerAddress: "r"}},
		{`{"auth":"` + b64("u:p:q") + `"}`, wire.Auth{Username: "u", Password: "p:q", ServerAddress: "r"}},
		{`{"auth":"` + b64("u:p\x00\x00") + `"}`, wire.Auth{Username: "u", Password: "p", ServerAddress: "r"}},
		{`{"auth":"` + b64("u") + `"}`, wire.Auth{Username: "u", ServerAddress: "r"}},
		{`{"auth":"!!!"}`, wire.Auth{ServerAddress: "r"}},
		{`{"identitytoken":"t"}`, wire.Auth{IdentityToken: "t", ServerAddress: "r"}},
		{`{"registrytoken":"t"}`, wire.Auth{RegistryToken: "t", ServerAddress: "r"}},
		{`{}`, wire.Auth{ServerAddress: "r"}},
	} {
		if got := inHome(t, `{"auths":{"r":`+row.stored+`}}`).Auth("r"); got != row.want {
			t.Errorf("%s: %+v", row.stored, got)
		}
	}
	s := inHome(t, `{"auths":{"`+Hub+`":{"auth":"`+b64("h:p")+`"}}}`)
	for registry, user := range map[string]string{"docker.io": "h", "index.docker.io": "h", "other": ""} {
		if got := s.Auth(registry); got.Username != user {
			t.Errorf("%s: %+v", registry, got)
		}
	}
}

// The store of contexts: what others put there that is none is passed over in a list, and is an error by its name.
func TestContextStore(t *testing.T) {
	s := inHome(t, "")
	store := s.Contexts()
	if list, err := store.List(); err != nil || len(list) != 0 {
		t.Errorf("without a folder: %v %v", list, err)
	}
	c := &StoredContext{Name: "good", Metadata: map[string]any{"Description": "d", "Other": 5.0},
		Endpoints: map[string]json.RawMessage{"kubernetes": json.RawMessage(`{"x":1}`)}}
	c.SetDocker(DockerEndpoint{Host: "tcp://h:1"})
	if err := store.Put(c, map[string][]byte{"ca.pem": []byte("ca"), "key.pem": []byte("key")}); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"cut": `{"Name":"cut"`, "list": `[]`, "other": `{"Name":"another",` +
		`"Endpoints":{"docker":{}}}`, "none": `{"Name":"none"}`, "wrong": `{"Name":"wrong","Endpoints":{"docker":5}}`} {
		if err := os.MkdirAll(store.Meta(name), 0o700); err != nil {
			t.Fatal(err)
		}
		os.WriteFile(filepath.Join(store.Meta(name), "meta.json"), []byte(text), 0o600)
		if name != "other" { // whose name is that of its folder when it is asked for
			if got, err := store.Get(name); err == nil || !strings.Contains(err.Error(), `context "`+name+`"`) {
				t.Errorf("%s: %+v %v", name, got, err)
			}
		}
	}
	list, err := store.List()
	if err != nil || len(list) != 1 || list[0].Name != "good" || list[0].Description() != "d" {
		t.Errorf("%+v %v", list, err)
	}
	got, err := store.Get("good")
	if err != nil || string(got.Endpoints["kubernetes"]) != `{"x":1}` || got.Metadata["Other"] != 5.0 {
		t.Errorf("what is not this client's is lost: %+v %v", got, err)
	}
	if err := store.Put(got, map[string][]byte{"ca.pem": []byte("ca2")}); err != nil {
		t.Fatal(err)
	}
	files, err := store.TLSFiles("good")
	if err != nil || len(files) != 1 || string(files["ca.pem"]) != "ca2" {
		t.Errorf("files that are no longer given stay: %q %v", files, err)
	}
	if err := store.Put(got, nil); err != nil {
		t.Fatal(err)
	}
	if files, _ := store.TLSFiles("good"); len(files) != 1 {
		t.Errorf("files are lost without being given: %q", files)
	}
	if info, err := os.Stat(filepath.Join(store.TLS("good"), "docker", "ca.pem")); err != nil ||
		info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	if err := store.Remove("good"); err != nil || store.Has("good") {
		t.Errorf("%v", err)
	}
	if err := store.Remove("good"); err != nil {
		t.Errorf("removed twice: %v", err)
	}
}

func TestContextNames(t *testing.T) {
	for name, ok := range map[string]bool{"ab": true, "a.b+c_d-e": true, "0x": true, "default": false, "a": false,
		"":   false,
		"-a": false, ".a": false, "a/b": false, "../a": false, "a b": false, "ä1": false, "a\n": false, "ab\n": false} {
		if err := CheckContextName(name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
}
