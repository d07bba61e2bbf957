package enginetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	api "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"

	"box/engine"
	"box/engine/request"
)

// TestInfo: how many containers there are of each kind, and what the settings say now.
func TestInfo(t *testing.T) {
	r := newRig(t, func(o *engine.Options) {
		o.Warnings, o.Settings.Labels, o.Version = []string{"mind the gap"}, []string{"a=b"}, "1.2"
	})
	ctx := t.Context()
	for state, bring := range r.states() {
		bring("is-" + state)
	}
	must(t, r.Remove(ctx, "is-restarting", engine.RemoveOptions{Force: true}))
	i, err := r.Info(ctx)
	must(t, err)
	if i.Containers != 4 || i.ContainersRunning != 1 || i.ContainersPaused != 1 || i.ContainersStopped != 2 ||
		i.Images != 1 {
		t.Errorf("%d: %d run, %d are frozen, %d do not run; %d images", i.Containers, i.ContainersRunning, i.ContainersPaused,
			i.ContainersStopped, i.Images)
	}
	if !slices.Contains(i.Warnings, "mind the gap") || i.Driver != "vfs" || i.ServerVersion != "1.2" ||
		!slices.Equal(i.Labels, []string{"a=b"}) || i.Debug ||
		i.DockerRootDir != filepath.Join(r.dir, "data") {
		t.Errorf("%+v", i)
	}
	if _, ok := i.Runtimes[i.DefaultRuntime]; !ok {
		t.Errorf("%s is none of %v", i.DefaultRuntime, i.Runtimes)
	}
	r.Reload(engine.Settings{Debug: true, Labels: []string{"c=d", "e=f"}, LiveRestore: true,
		ShutdownTimeout: 3 * time.Second})
	again, err := r.Info(ctx)
	must(t, err)
	if !again.Debug || !r.Debug() || !again.LiveRestoreEnabled || len(again.Labels) != 2 || again.ID != i.ID {
		t.Errorf("%+v", again)
	}
	var reload *events.Message
	within(t, func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		for n := range r.told {
			if r.told[n].Action == events.ActionReload {
				reload = &r.told[n]
			}
		}
		return reload != nil
	}, func() string { return "nothing is told of it" })
	for key, want := range map[string]string{"debug": "true", "labels": `["c=d","e=f"]`, "live-restore": "true",
		"shutdown-timeout": "3", "registry-mirrors": "[]",
		"default-shm-size": "67108864"} {
		if got := reload.Actor.Attributes[key]; got != want {
			t.Errorf("%s is told to be %q, want %q", key, got, want)
		}
	}
	r.shut()
	r.open(nil)
	if third, err := r.Info(ctx); err != nil || third.ID != i.ID {
		t.Errorf("the daemon has another ID after a start, %v", err)
	}
}

// TestDiskUsage: what takes space is told by kind, what was not asked for is not measured.
func TestDiskUsage(t *testing.T) {
	r := newRig(t, nil)
	ctx := t.Context()
	r.load(dated(t, "other:1", "nine byte", "2020-01-01T00:00:00Z", nil))
	id := r.create("web", func(q *request.Create) { q.Host.Binds = []string{"data:/d"} })
	must(t, os.WriteFile(filepath.Join(r.dir, "data/vfs/dir", id, "f"), make([]byte, 100), 0o600))
	none, err := r.DiskUsage(ctx, engine.DiskUsageOf{})
	if err != nil || none.Images != nil || none.Containers != nil || none.Volumes != nil || none.Layers != 0 {
		t.Errorf("%+v %v", none, err)
	}
	u, err := r.DiskUsage(ctx, engine.DiskUsageOf{Images: true, Containers: true, Volumes: true})
	must(t, err)
	if len(u.Images) != 2 || u.Layers != 13 || len(u.Containers) != 1 || len(u.Volumes) != 1 ||
		u.Volumes[0].UsageData.RefCount != 1 {
		t.Errorf("%+v", u)
	}
	for _, i := range u.Images {
		if want := map[string]int64{"base:1": 1, "other:1": 0}[i.RepoTags[0]]; i.Containers != want || i.SharedSize != 0 {
			t.Errorf("%s: %d containers, %d shared", i.RepoTags[0], i.Containers, i.SharedSize)
		}
	}
	if c := u.Containers[0]; c.SizeRootFs < 100 {
		t.Errorf("%d bytes", c.SizeRootFs)
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := r.DiskUsage(gone, engine.DiskUsageOf{Volumes: true}); !errors.Is(err, context.Canceled) {
		t.Errorf("a client that went away: %v", err)
	}
}

// TestTop: the processes of a container that runs, and who else has none.
func TestTop(t *testing.T) {
	r := newRig(t, nil)
	ctx := t.Context()
	for state, bring := range r.states() {
		bring(state)
	}
	must(t, r.Remove(ctx, "restarting", engine.RemoveOptions{Force: true}))
	r.since()
	for _, name := range []string{"running", "paused"} {
		top, err := r.Top(ctx, name, "-o pid,comm")
		if err != nil || len(top.Processes) != 1 || top.Processes[0][0] != fmt.Sprint(os.Getpid()) {
			t.Errorf("%s: %+v %v", name, top, err)
		}
	}
	r.expect("top", "container top name=running", "container top name=paused")
	for _, name := range []string{"created", "exited"} {
		if _, err := r.Top(ctx, name, ""); !errdefs.IsConflict(err) || !strings.Contains(err.Error(), "is not running") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, args := range []string{"-o comm", "-o nothing", "--bad", "aux; rm -rf /"} {
		if _, err := r.Top(ctx, "running", args); err == nil {
			t.Errorf("%q is taken", args)
		}
	}
	if told := r.since(); len(told) > 0 {
		t.Errorf("what was refused is told: %q", told)
	}
}

// TestUsage: what a container uses is told once or again and again, and of one that does not run the name alone.
func TestUsage(t *testing.T) {
	r := newRig(t, nil)
	ctx := t.Context()
	id := r.start("web", nil)
	r.create("rests", nil)
	var got []*api.StatsResponse
	send := func(s *api.StatsResponse) error { got = append(got, s); return nil }
	must(t, r.Usage(ctx, "rests", engine.UsageOptions{}, send),
		r.Usage(ctx, "web", engine.UsageOptions{OneShot: true}, send))
	if len(got) != 2 || got[0].Name != "/rests" || !got[0].Read.IsZero() || got[1].ID != id || got[1].Read.IsZero() ||
		!got[1].PreRead.IsZero() {
		t.Errorf("%+v", got)
	}
	if err := r.Usage(ctx, "web", engine.UsageOptions{Stream: true, OneShot: true},
		send); !errdefs.IsInvalidArgument(err) {
		t.Error(err)
	}
	errGone := errors.New("the client is gone")
	if err := r.Usage(ctx, "web", engine.UsageOptions{Stream: true},
		func(*api.StatsResponse) error { return errGone }); !errors.Is(err, errGone) {
		t.Error(err)
	}
	done := make(chan error, 1)
	begun := make(chan struct{})
	go func() {
		done <- r.Usage(ctx, "web", engine.UsageOptions{Stream: true}, func(*api.StatsResponse) error {
			select {
			case <-begun:
			default:
				close(begun)
			}
			return nil
		})
	}()
	<-begun
	must(t, r.Remove(ctx, "web", engine.RemoveOptions{Force: true}))
	select {
	case err := <-done:
		must(t, err)
	case <-time.After(time.Minute):
		t.Error("it goes on when the container is gone")
	}
}

// TestCopy: what is copied into a container that does not run stays in it, wherever names and links lead; what cannot
// be is refused in Docker's words and changes nothing.
func TestCopy(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("a container's volumes are mounted for it")
	}
	r := newRig(t, nil)
	ctx := t.Context()
	id := r.create("web", func(q *request.Create) { q.Host.Binds = []string{"data:/data", "frozen:/frozen:ro"} })
	r.create("sealed", func(q *request.Create) { q.Host.ReadonlyRootfs = true })
	root := filepath.Join(r.dir, "data/vfs/dir", id)
	must(t, os.Symlink("/etc", root+"/l"), os.Symlink("../../../../../../etc", root+"/up"),
		os.Symlink("loop", root+"/loop"))
	raw := tarOf(t, map[string]string{"f": "new"}, "f")
	put := func(ref, at string) error {
		return r.CopyTo(ctx, ref, at, engine.CopyOptions{}, bytes.NewReader(raw))
	}
	for at, want := range map[string]string{"/": "/f", "etc": "/etc/f", "/l": "/etc/f", "/up/": "/etc/f",
		"/data": "/data/f", "/data/../etc/.": "/etc/f"} {
		must(t, put("web", at), holds(ctx, r.Engine, "web", want, "new"))
	}
	v, err := r.InspectVolume("data")
	must(t, err)
	if got, err := os.ReadFile(filepath.Join(v.Mountpoint, "f")); err != nil || string(got) != "new" {
		t.Errorf("the volume has %q, %v", got, err)
	}
	if _, err := os.Stat(filepath.Join(root, "data/f")); err == nil {
		t.Error("what is below the volume was written")
	}
	for _, row := range []struct{ ref, at, says string }{
		{"web", "/none", "Could not find the file /none in container web"},
		{"web", "/etc/motd", "extraction point is not a directory"},
		{"web", "/frozen", "mounted volume is marked read-only"}, {"web", "/loop", "too many links in /loop"},
		{"web", "/" + strings.Repeat("n", 300), "file name too long"},
		{"sealed", "/", "container rootfs is marked read-only"}, {"nobody", "/", "No such container"},
	} {
		if err := put(row.ref, row.at); err == nil || !strings.Contains(err.Error(), row.says) {
			t.Errorf("cp to %s:%.20s: %v", row.ref, row.at, err)
		}
	}
	for what, content := range map[string][]byte{
		"a way out": tarOf(t, map[string]string{"../f": "x"}, "../f"), "text": []byte(strings.Repeat("no tar ", 200)),
		"a cut packing": []byte("\x1f\x8b\x08"), "a cut tar": raw[:513],
	} {
		if err := r.CopyTo(ctx, "web", "/etc", engine.CopyOptions{}, bytes.NewReader(content)); err == nil {
			t.Errorf("%s is taken", what)
		}
	}
	for p, want := range map[string]string{"/etc/motd": "motd", "/l": "l", "/l/": "etc", "/": "/", "/l/motd": "motd"} {
		st, err := r.StatPath(ctx, "web", p)
		if err != nil || st.Name != want && p != "/l/" || (p == "/l") != (st.LinkTarget != "") {
			t.Errorf("%s: %+v %v", p, st, err)
		}
	}
	for _, p := range []string{"/none", "/etc/motd/", "/loop/x"} {
		if st, err := r.StatPath(ctx, "web", p); err == nil {
			t.Errorf("%s: %+v", p, st)
		}
	}
	r.since()
	must(t, put("web", "/"), second(r.StatPath(ctx, "web", "/")))
	r.expect("cp", "container extract-to-dir name=web")
	must(t, r.Remove(ctx, "web", engine.RemoveOptions{}))
}
