package enginetest

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	api "github.com/moby/moby/api/types/container"

	"box/engine"
	"box/engine/apparmor"
	"box/engine/progress"
	"box/engine/request"
	"box/engine/state"
	"box/fs"
	"box/fs/drivers"
)

// TestAppArmor: info and inspect say what confines containers, and what does not.
func TestAppArmor(t *testing.T) {
	const enabled, profiles = "sys/module/apparmor/parameters/enabled", "sys/kernel/security/apparmor/profiles"
	for _, row := range []struct {
		what         string
		files        map[string]string
		option       bool
		warning      string
		plain, named string
		privileged   string
		logged       bool
	}{
		{what: "no AppArmor", files: map[string]string{}},
		{what: "loaded", files: map[string]string{enabled: "Y\n", profiles: "docker-default (enforce)\n"}, option: true,
			plain: "docker-default", named: "mine", privileged: "unconfined"},
		{what: "no parser", files: map[string]string{enabled: "Y\n", profiles: ""}, option: true,
			warning: "are not confined by one", named: "mine", privileged: "unconfined", logged: true},
	} {
		host := t.TempDir()
		for name, text := range row.files {
			name = filepath.Join(host, name)
			if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		var log bytes.Buffer
		dir := home(t)
		root := filepath.Join(dir, "data")
		e, err := engine.Open(t.Context(), engine.Options{
			Root: root, Run: filepath.Join(dir, "run"), Tasks: NewLauncher(), Log: slog.New(slog.NewTextHandler(&log, nil)),
			NoRestarts: true,
			AppArmor:   apparmor.Host{Root: host, Parser: filepath.Join(host, "parser")},
			Layers: func(ctx context.Context, db *state.DB) (fs.Driver, error) {
				return drivers.Open(ctx, root, "vfs", db.Layers(), nil, nil, nil)
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Load(t.Context(), bytes.NewReader(archive(t, "base:1", "base")), engine.LoadOptions{Quiet: true},
			func(progress.Line) error { return nil }); err != nil {
			t.Fatal(err)
		}
		i, err := e.Info(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if slices.Contains(i.SecurityOptions, "name=apparmor") != row.option {
			t.Errorf("%s: security options %q", row.what, i.SecurityOptions)
		}
		warned := slices.IndexFunc(i.Warnings, func(w string) bool { return strings.Contains(w, "AppArmor") })
		if (warned >= 0) != (row.warning != "") || warned >= 0 && !strings.Contains(i.Warnings[warned], row.warning) {
			t.Errorf("%s: warnings %q", row.what, i.Warnings)
		}
		if strings.Contains(log.String(), "AppArmor") != row.logged {
			t.Errorf("%s: log %s", row.what, &log)
		}
		for _, c := range []struct {
			host api.HostConfig
			want string
		}{{api.HostConfig{}, row.plain}, {api.HostConfig{SecurityOpt: []string{"apparmor=mine"}}, row.named},
			{api.HostConfig{Privileged: true}, row.privileged}} {
			c.host.NetworkMode = "host"
			made, err := e.Create(t.Context(),
				request.Create{Config: &api.Config{Image: "base:1", Cmd: []string{"run"}}, Host: &c.host})
			if err != nil {
				t.Fatal(err)
			}
			if got, err := e.Inspect(t.Context(), made.ID, false); err != nil || got.AppArmorProfile != c.want {
				t.Errorf("%s: %v privileged %v: profile %q, want %q (%v)", row.what, c.host.SecurityOpt, c.host.Privileged,
					got.AppArmorProfile, c.want, err)
			}
			if err := e.Start(t.Context(), made.ID); err != nil {
				t.Error(err)
			}
		}
		if lines := strings.Count(log.String(), "not confined by one"); lines > 1 {
			t.Errorf("%s: the log says it %d times: %s", row.what, lines, &log)
		}
		if err := e.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}
