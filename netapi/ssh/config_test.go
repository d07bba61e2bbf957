package ssh

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestConfig(t *testing.T) {
	for _, row := range []struct{ text, alias, want string }{
		{"", "h", "{   [] []}"},
		{"# a comment\n\nHost h\n\tHostName 10.0.0.1\n  Port=2222\n USER = \"some body\"\n", "h",
			"{10.0.0.1 2222 some body [] []}"},
		{"Host h\nUser one\nHost *\nUser two\nPort 3", "h", "{ 3 one [] []}"},
		{"Host *.example !bad.example\nUser u", "good.example", "{  u [] []}"},
		{"Host *.example !bad.example\nUser u", "bad.example", "{   [] []}"},
		{"Host web?\nUser u", "web1", "{  u [] []}"},
		{"Host web?\nUser u", "web10", "{   [] []}"},
		{"Host [x]\nUser u", "x", "{   [] []}"},
		{"IdentityFile ~/.ssh/a\nIdentityFile /b\nUserKnownHostsFile ~/k /l", "h", "{   [/home/u/.ssh/a /b] [/home/u/k /l]}"},
		{"Host other\nProxyJump gate\nHost h\nUser u", "h", "{  u [] []}"},
		{"ServerAliveInterval 3\nforwardagent yes", "h", "{   [] []}"},

		{"Host h\nProxyJump gate", "h", "error: line 2: box does not support proxyjump"},
		{"Host *\nProxyCommand nc %h %p", "h", "error: line 2: box does not support proxycommand"},
		{"Host other\nMatch all", "h", "error: line 2: box does not support match"},
		{"Include more", "h", "error: line 1: box does not support include"},
		{"CertificateFile x", "h", "error: line 1: box does not support certificatefile"},
		{"HostKeyAlias x", "h", "error: line 1: box does not support hostkeyalias"},
		{"Port", "h", "error: line 1: Port has no value"},
		{"Port =", "h", "error: line 1: port has no value"},
		{`User "x`, "h", "error: line 1: user: a quote is not closed"},
	} {
		file := filepath.Join(t.TempDir(), "config")
		if err := os.WriteFile(file, []byte(row.text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := readConfig(file, "/home/u", row.alias)
		got := ""
		if err != nil {
			got = "error: " + strings.TrimPrefix(err.Error(), file+", ")
		} else {
			got = fmt.Sprint(*c)
		}
		if got != row.want && !(err != nil && strings.HasPrefix(row.want, "error: ") && strings.HasPrefix(got, row.want)) {
			t.Errorf("%q for %s: %s, want %s", row.text, row.alias, got, row.want)
		}
	}
}

// FuzzConfig: whatever is in the file, it is read or refused.
func FuzzConfig(f *testing.F) {
	f.Add("Host \"a b\" !c\nPort=1\nIdentityFile ~/x")
	f.Fuzz(func(t *testing.T, text string) {
		for _, line := range strings.Split(text, "\n") {
			if key, values, err := directive(line); err == nil && key != "" {
				if len(values) == 0 {
					t.Errorf("%q has no values", line)
				}
				matches(values, "name")
				_ = (&config{}).take(key, values, "/home", true)
			}
		}
	})
}
