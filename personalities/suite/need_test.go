package suite

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// standIns are programs of a Debian that does nothing but write down what it is asked.
var standIns = map[string]string{
	"id":          "echo 0",
	"apt-cache":   `case "$2" in docker-cli) [ -e "$STATE/new" ] ;; esac`,
	"dpkg-query":  `echo "ii  old"; [ ! -e "$STATE/done" ] || printf 'ii  engine\nii  dep\n'`,
	"systemctl":   `echo "systemctl $*" >>"$STATE/asked"`,
	"update-rc.d": `echo "update-rc.d $*" >>"$STATE/asked"`,
	"apt-get": `[ "$1" = install ] || exit 0
echo "install $*" >>"$STATE/asked"; sh "$NEED_POLICY"; echo "policy $?" >>"$STATE/asked"
[ ! -e "$STATE/broken" ] || exit 100
touch "$STATE/done"`,
	"dpkg": `case "$2" in
engine) printf '/lib/systemd/system/engine.service\n/lib/systemd/system/engine@.service\n/usr/lib/systemd/system/engine.socket\n/etc/init.d/engine\n/usr/bin/engine\n' ;;
old) echo /lib/systemd/system/old.service ;;
esac`,
}

// TestNeed: what is installed for tests runs no service, then or later, and the host's own policy is as it was,
// whatever went wrong.
func TestNeed(t *testing.T) {
	bin := t.TempDir()
	for name, text := range standIns {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, row := range []struct {
		name, pair, marks, policy string
		fails                     bool
		asked                     string
	}{
		{name: "there", pair: "sh:bash", asked: ""},
		{name: "plain", pair: "not-there:engine",
			asked: "install install -qy --no-install-recommends engine\npolicy 101\n" + disabled},
		{name: "policy of the host's", pair: "not-there:engine", policy: "exit 0",
			asked: "install install -qy --no-install-recommends engine\npolicy 101\n" + disabled},
		{name: "older distribution", pair: "not-there:docker-cli/docker.io",
			asked: "install install -qy --no-install-recommends docker.io\npolicy 101\n" + disabled},
		{name: "newer distribution", pair: "not-there:docker-cli/docker.io", marks: "new",
			asked: "install install -qy --no-install-recommends docker-cli\npolicy 101\n" + disabled},
		{name: "broken", pair: "/not/there:engine", marks: "broken", policy: "exit 0", fails: true,
			asked: "install install -qy --no-install-recommends engine\npolicy 101\n"},
	} {
		state := t.TempDir()
		policy := filepath.Join(state, "policy")
		if row.policy != "" {
			if err := os.WriteFile(policy, []byte(row.policy), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if row.marks != "" {
			if err := os.WriteFile(filepath.Join(state, row.marks), nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		c := exec.Command("sh", "testdata/need", row.pair)
		c.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "STATE="+state, "NEED_POLICY="+policy)
		if said, err := c.CombinedOutput(); (err != nil) != row.fails {
			t.Errorf("%s: %v: %s", row.name, err, said)
		}
		asked, _ := os.ReadFile(filepath.Join(state, "asked"))
		if string(asked) != row.asked {
			t.Errorf("%s: asked\n%swant\n%s", row.name, asked, row.asked)
		}
		if left, _ := os.ReadFile(policy); string(left) != row.policy {
			t.Errorf("%s: policy %q is left, it was %q", row.name, left, row.policy)
		}
	}
}

const disabled = "systemctl disable --quiet engine.service\nsystemctl disable --quiet engine.socket\nupdate-rc.d " +
	"engine disable\n"

// TestAllowedSkips: a test that is left out for no allowed reason is a failure, where that is asked for.
func TestAllowedSkips(t *testing.T) {
	dir := t.TempDir()
	line := func(action, test, output string) string {
		return fmt.Sprintf(`{"Action":%q,"Package":"box/p"%s%s}`, action, test, output)
	}
	events, leftout := filepath.Join(dir, "events"), filepath.Join(dir, "leftout")
	must(t, os.WriteFile(events, []byte(strings.Join([]string{
		line("output", `,"Test":"TestOne"`, `,"Output":"    p_test.go:17: the kernel lacks it\n"`),
		line("skip", `,"Test":"TestOne"`, ""),
		line("output", `,"Test":"TestTwo"`, `,"Output":"=== RUN\n"`),
		line("pass", `,"Test":"TestTwo"`, ""),
		"",
	}, "\n")), 0o644))
	if said, err := exec.Command("go", "build", "-o", leftout, "./testdata/leftout").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	for _, row := range []struct {
		allowed string
		fails   bool
	}{
		{"", false}, // nobody asks
		{"# all\n\nbox/p TestOne: the kernel lacks it\n", false},
		{"box/p .*: the kernel .* it\n", false},
		{"box/p TestOne: the kernel\n", true}, // a part of the line
		{"box/p TestTwo: .*\nbox/q TestOne: .*\n", true},
		{"# none\n", true},
	} {
		c := exec.Command(leftout, events)
		if row.allowed != "" {
			list := filepath.Join(dir, "allowed")
			must(t, os.WriteFile(list, []byte(row.allowed), 0o644))
			c.Args = append(c.Args, list)
		}
		said, err := c.CombinedOutput()
		if (err != nil) != row.fails || !strings.Contains(string(said), "1 passed, 0 failed, 1 skipped") {
			t.Errorf("allowed %q: %v: %s", row.allowed, err, said)
		}
		if strings.Contains(string(said), "NOT ALLOWED to be left out: box/p TestOne: the kernel lacks it") != row.fails {
			t.Errorf("allowed %q: %s", row.allowed, said)
		}
	}
	if said, err := exec.Command(leftout, events, "/not/there").CombinedOutput(); err == nil {
		t.Errorf("a list that is not there: %s", said)
	}
}
