package system_test

import (
	"encoding/base64"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"box/personalities/docker"
	"box/personalities/docker/clienttest"
	"box/personalities/docker/session"
)

// TestLoginAnswers: what is asked of the daemon, kept in config.json and said, and what is refused before that.
func TestLoginAnswers(t *testing.T) {
	for _, row := range []struct {
		title, args, stdin, answer string
		code                       int
		says, kept                 string
	}{
		{"a password", "login -u me -p s3cret reg:5000", "", `{"Status":"Login Succeeded"}`, 0, "insecure", "me:s3cret"},
		{"of standard input", "login -u me --password-stdin reg:5000", "s3 cret\r\n", `{"Status":"Login Succeeded"}`, 0,
			"Login Succeeded", "me:s3 cret"},
		{"a token in its place", "login -u me -p x reg:5000", "", `{"Status":"","IdentityToken":"tok"}`, 0, "unencrypted",
			"me:"},
		{"two passwords", "login -u me -p x --password-stdin reg:5000", "y", "", 1, "mutually exclusive", ""},
		{"a password without a name", "login --password-stdin reg:5000", "y", "", 1, "requires --username", ""},
		{"nobody to ask", "login reg:5000", "", "", 1, "non TTY device", ""},
		{"refused", "login -u me -p wrong reg:5000", "", "-", 1, "incorrect username or password", ""},
	} {
		t.Run(row.title, func(t *testing.T) {
			routes := map[string]http.HandlerFunc{"POST /auth": clienttest.Reply(row.answer)}
			if row.answer == "-" {
				routes["POST /auth"] = clienttest.Refuse(401, "incorrect username or password")
			}
			f, home := clienttest.New(t, docker.Main, routes), t.TempDir()
			r := clienttest.In(t, docker.Main, home, f.Host, row.stdin, strings.Fields(row.args)...)
			if r.Code != row.code || !strings.Contains(r.Out+r.Stderr, row.says) {
				t.Errorf("%+v", r)
			}
			raw, err := os.ReadFile(filepath.Join(home, ".docker/config.json"))
			if row.kept == "" {
				if err == nil {
					t.Errorf("kept %s", raw)
				}
				if row.answer == "" && len(f.Seen) > 0 {
					t.Errorf("asked %q", f.Seen)
				}
				return
			}
			if err != nil || clienttest.At(clienttest.Decoded(t, raw), "auths", "reg:5000", "auth") !=
				base64.StdEncoding.EncodeToString([]byte(row.kept)) {
				t.Errorf("%s, %v", raw, err)
			}
			if info, err := os.Stat(filepath.Join(home, ".docker/config.json")); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%v, %v", info, err)
			}
		})
	}
}

// TestLogout: the registry that was named, or Docker's, and no other.
func TestLogout(t *testing.T) {
	home := t.TempDir()
	clienttest.WriteConfig(t, home, `{"auths":{"`+session.Hub+
		`":{"auth":"YTpi"},"reg:5000":{"auth":"YTpi"},"other":{"auth":"YTpi"}}}`)
	for _, row := range []struct{ args, says, left string }{
		{"logout https://reg:5000/v2/", "Removing login credentials for reg:5000\n", "other " + session.Hub},
		{"logout", "Removing login credentials for " + session.Hub + "\n", "other"},
		{"logout never.seen", "Removing login credentials for never.seen\n", "other"},
	} {
		r := clienttest.In(t, docker.Main, home, "unix:///nowhere", "", strings.Fields(row.args)...)
		raw, err := os.ReadFile(filepath.Join(home, ".docker/config.json"))
		if r.Code != 0 || r.Out != row.says || err != nil {
			t.Errorf("%s: %+v, %v", row.args, r, err)
		}
		auths, _ := clienttest.At(clienttest.Decoded(t, raw), "auths").(map[string]any)
		for _, name := range []string{"other", "reg:5000", session.Hub} {
			if _, there := auths[name]; there != strings.Contains(" "+row.left+" ", " "+name+" ") {
				t.Errorf("%s leaves %s", row.args, raw)
			}
		}
	}
}
