package dockerd

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"box/personalities/cmd"
	"box/personalities/dockerd/config"
	"box/personalities/top/push"
)

// TestDropUnsent: what is kept for a database stays while it is configured, and goes with it.
func TestDropUnsent(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "unsent")
	log := slog.New(slog.DiscardHandler)
	dropUnsent(dir, nil, log) // there is nothing yet
	target, err := push.Parse("graphite://h")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{target.Key(), "other"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	dropUnsent(dir, []*push.Target{target}, log)
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 || left[0].Name() != target.Key() {
		t.Errorf("%v, %v", left, err)
	}
	dropUnsent(dir, nil, log)
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("%v", left)
	}
}

// TestPushTwice: two that would keep what they cannot send in one folder are refused, whoever is let in.
func TestPushTwice(t *testing.T) {
	file := filepath.Join(t.TempDir(), "daemon.json")
	if err := os.WriteFile(file, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	for second, want := range map[string]string{"influxdb://u:p@h/db": "named twice", "influxdb://h/other": ""} {
		_, err := config.Load(&cmd.Env{Args: []string{"--config-file", file, "--monitor-push", "influxdb://h/db",
			"--monitor-push", second}, Getenv: func(string) string { return "" }})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", second, err)
		}
	}
}
