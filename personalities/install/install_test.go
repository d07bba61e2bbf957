package install

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"box/personalities/cmd"
)

func install(t *testing.T, dir string, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := Command.Main(context.Background(), &cmd.Env{Args: append(args, dir), Stdout: &out, Stderr: &out, Dir: "/"})
	return out.String(), err
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestInstallUpgradeAndRollback(t *testing.T) {
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	this := read(t, self)
	if out, err := install(t, dir, "--dry-run"); err != nil || !strings.HasSuffix(out, "nothing was changed\n") ||
		len(names(t, dir)) > 0 {
		t.Fatalf("dry run: %v, %s, left %v", err, out, names(t, dir))
	}
	if out, err := install(t, dir); err != nil || strings.Count(out, "\n") != 8 ||
		!strings.HasSuffix(out, "docker run --rm box/hello\n") {
		t.Fatalf("%v: %s", err, out)
	}
	if want := []string{"box", "docker", "docker-init", "dockerd"}; !slices.Equal(names(t, dir), want) {
		t.Errorf("%v, want %v", names(t, dir), want)
	}
	if read(t, filepath.Join(dir, "dockerd")) != this {
		t.Error("dockerd is not this file")
	}
	if info, _ := os.Stat(filepath.Join(dir, "box")); info.Mode().Perm() != 0o755 {
		t.Errorf("mode %v", info.Mode())
	}
	if out, err := install(t, dir); err != nil || !strings.Contains(out, "already") ||
		slices.Contains(names(t, dir), previous) {
		t.Errorf("again: %v: %s", err, out)
	}
	write(t, filepath.Join(dir, "box"), "an older box")
	if _, err := install(t, dir); err != nil {
		t.Fatal(err)
	}
	if read(t, filepath.Join(dir, "box")) != this || read(t, filepath.Join(dir, previous)) != "an older box" {
		t.Error("the older file was not kept")
	}
	for _, want := range []string{"an older box", this} {
		if _, err := install(t, dir, "--rollback"); err != nil {
			t.Fatal(err)
		}
		if read(t, filepath.Join(dir, "box")) != want {
			t.Error("rollback did not exchange the files")
		}
	}
	if left := slices.DeleteFunc(names(t, dir),
		func(n string) bool { return !strings.HasPrefix(n, beside) }); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
}

func TestOtherProgramsAreKept(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "docker"), "somebody else's")
	write(t, filepath.Join(dir, beside+"box"), "left by a copy that was cut off")
	_, err := install(t, dir)
	if err == nil || !strings.Contains(err.Error(), "--force") || len(names(t, dir)) != 2 {
		t.Fatalf("%v, %v", err, names(t, dir))
	}
	if _, err := install(t, dir, "--force"); err != nil {
		t.Fatal(err)
	}
	if read(t, filepath.Join(dir, "docker"+kept)) != "somebody else's" {
		t.Error("the other program is gone")
	}
	if to, err := os.Readlink(filepath.Join(dir, "docker")); err != nil || to != "box" {
		t.Errorf("docker leads to %s: %v", to, err)
	}
	if slices.Contains(names(t, dir), beside+"box") {
		t.Error("the cut-off copy is still there")
	}
}

// A folder that is not there is made, and taken back with all that came into it.
func TestUninstallAll(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "docker"), "theirs")
	for _, bin := range []string{dir, filepath.Join(dir, "opt/box/bin")} {
		if out, err := install(t, bin, "--force"); err != nil {
			t.Fatal(out, err)
		}
		write(t, filepath.Join(bin, "box"), "an older box")
		if out, err := install(t, bin); err != nil || !slices.Contains(names(t, bin), previous) {
			t.Fatal(out, err)
		}
	}
	for _, bin := range []string{filepath.Join(dir, "opt/box/bin"), dir} {
		if out, err := install(t, bin, "--uninstall", "--all"); err != nil {
			t.Error(out, err)
		}
		if out, err := install(t, bin, "--uninstall", "--all"); err == nil ||
			!strings.Contains(err.Error(), "nothing to undo") {
			t.Error(out, err)
		}
	}
	if left := names(t, dir); !slices.Equal(left, []string{"docker"}) ||
		read(t, filepath.Join(dir, "docker")) != "theirs" {
		t.Errorf("left: %v", left)
	}
}

func TestRefusals(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "file"), "")
	if err := os.Mkdir(filepath.Join(dir, "taken"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "taken", "box"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		dir, want string
		args      []string
	}{
		{dir, "--all needs --uninstall", []string{"--all"}},
		{filepath.Join(dir, "file"), "is not a folder", nil},
		{filepath.Join(dir, "taken"), "not a regular file", nil},
		{dir, "nothing to roll back to", []string{"--rollback"}},
		{dir, "at most", []string{dir}},
	} {
		if _, err := install(t, row.dir, row.args...); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v", row.dir, err)
		}
	}
	var exit *cmd.Exit
	if _, err := install(t, dir, "--roolback"); !errors.As(err, &exit) || exit.Code != 125 {
		t.Errorf("a bad flag: %v", err)
	}
}
