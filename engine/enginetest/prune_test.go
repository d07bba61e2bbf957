package enginetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/containerd/errdefs"
	api "github.com/moby/moby/api/types/container"
	apivolume "github.com/moby/moby/api/types/volume"

	"box/engine"
	"box/engine/filter"
	"box/engine/request"
)

// TestPruneContainers: what goes is what does not run and fits each filter; what it took is told.
func TestPruneContainers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		labelled := func(labels map[string]string) func(*request.Create) {
			return func(q *request.Create) { q.Config.Labels = labels }
		}
		r.create("red", labelled(map[string]string{"color": "red"}))
		r.create("blue", labelled(map[string]string{"color": "blue"}))
		time.Sleep(2 * time.Hour)
		r.create("plain", nil)
		r.start("runs", labelled(map[string]string{"color": "red"}))
		r.start("frozen", nil)
		must(t, r.Pause(t.Context(), "frozen"), second(r.PruneContainers(t.Context(), filter.Args{"label": {"color=green"}})))
		r.start("waits", policy("always", 0, "false"))
		r.becomes("waits", api.StateRestarting)
		id := r.start("ended", nil)
		must(t, os.WriteFile(filepath.Join(r.dir, "data/vfs/dir", id, "big"), make([]byte, 5000), 0o600))
		r.l.exit(id, 0)
		synctest.Wait()
		for _, row := range []struct {
			f     filter.Args
			gone  string
			bytes uint64
		}{
			{filter.Args{"label": {"color=red"}}, "red", 0}, {filter.Args{"until": {"1h"}}, "blue", 0},
			{filter.Args{"label!": {"color"}, "until": {"1h"}}, "", 0},
			{nil, "ended plain", 5000},
		} {
			before := r.listed(nil)
			report, err := r.PruneContainers(t.Context(), row.f)
			after := r.listed(nil)
			gone := slices.DeleteFunc(before, func(n string) bool { return slices.Contains(after, n) })
			if err != nil || strings.Join(gone, " ") != row.gone || len(report.ContainersDeleted) != len(gone) ||
				report.SpaceReclaimed < row.bytes {
				t.Errorf("%v takes %q, %+v, %v", row.f, gone, report, err)
			}
		}
		for key, value := range map[string]string{"color": "red", "until": "tomorrow", "name": "plain"} {
			if _, err := r.PruneContainers(t.Context(), filter.Args{key: {value}}); !errdefs.IsInvalidArgument(err) {
				t.Errorf("%s=%s: %v", key, value, err)
			}
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		r.create("late", nil)
		if report, err := r.PruneContainers(gone, nil); err != nil || len(report.ContainersDeleted) > 0 {
			t.Errorf("a client that went away: %+v %v", report, err)
		}
		r.shut()
	})
}

// listed are the names of the containers that a listing has.
func (r *rig) listed(f filter.Args) (names []string) {
	r.t.Helper()
	list, err := r.List(r.t.Context(), engine.ListOptions{All: true, Filters: f})
	must(r.t, err)
	for _, c := range list {
		names = append(names, strings.TrimPrefix(c.Names[0], "/"))
	}
	slices.Sort(names)
	return names
}

// TestPruneImages: without a word the images that have no tag, with dangling=false all that no container was made of.
func TestPruneImages(t *testing.T) {
	r := newRig(t, nil)
	ctx := t.Context()
	r.load(dated(t, "", "nameless", "2020-01-01T00:00:00Z", map[string]string{"color": "red"}))
	r.load(dated(t, "moved:1", "was here", "2021-01-01T00:00:00Z", nil))
	r.load(dated(t, "moved:1", "is here", "2022-01-01T00:00:00Z", nil))
	r.load(dated(t, "new:1", "new", "2023-01-01T00:00:00Z", nil))
	r.create("web", nil)
	for _, row := range []struct {
		f     filter.Args
		left  string
		bytes uint64
	}{
		{filter.Args{"label": {"color=blue"}}, "<none> <none> base:1 moved:1 new:1", 0},
		{filter.Args{"until": {"2019-01-01"}}, "<none> <none> base:1 moved:1 new:1", 0},
		{filter.Args{"label": {"color"}}, "<none> base:1 moved:1 new:1", 8}, {nil, "base:1 moved:1 new:1", 8},
		{filter.Args{"dangling": {"true"}}, "base:1 moved:1 new:1", 0},
		{filter.Args{"dangling": {"false"}, "until": {"2022-06-01"}}, "base:1 new:1", 7},
		{filter.Args{"dangling": {"0"}}, "base:1", 3},
	} {
		report, err := r.PruneImages(ctx, row.f)
		left, _ := r.images(nil)
		if err != nil || strings.Join(left, " ") != row.left || report.SpaceReclaimed != row.bytes {
			t.Errorf("%v leaves %q, %+v, %v", row.f, left, report, err)
		}
	}
	for key, value := range map[string]string{"dangling": "maybe", "until": "x", "reference": "a"} {
		if _, err := r.PruneImages(ctx, filter.Args{key: {value}}); !errdefs.IsInvalidArgument(err) {
			t.Errorf("%s=%s: %v", key, value, err)
		}
	}
	r.since()
	must(t, second(r.PruneImages(ctx, nil)))
	r.expect("prune of nothing", "image prune")
	must(t, r.Remove(ctx, "web", engine.RemoveOptions{}), second(r.PruneImages(ctx, filter.Args{"dangling": {"false"}})))
	if left, _ := r.images(nil); len(left) > 0 {
		t.Errorf("%q", left)
	}
	within(t, func() bool { // what a container had is deleted in the background
		dirs, _ := os.ReadDir(filepath.Join(r.dir, "data/vfs/dir"))
		return len(dirs) == 0
	}, func() string { return "layers are left of images that are gone" })
}

// TestVolumes: volumes are made once, listed by each filter, kept while a container has them, and gone with all they
// had.
func TestVolumes(t *testing.T) {
	r := newRig(t, nil)
	ctx := t.Context()
	r.since()
	for _, name := range []string{"data", "logs", "data"} {
		v, err := r.VolumeCreate(ctx, apivolume.CreateRequest{Name: name, Labels: map[string]string{"for": name}})
		if err != nil || v.Name != name || v.Driver != "local" || v.Scope != "local" {
			t.Fatalf("%+v %v", v, err)
		}
		must(t, second(os.Stat(v.Mountpoint)))
	}
	made, err := r.VolumeCreate(ctx, apivolume.CreateRequest{})
	if err != nil || len(made.Name) != 64 {
		t.Fatalf("%+v %v", made, err)
	}
	r.expect("volume create", "volume create", "volume create", "volume create")
	r.create("web", func(q *request.Create) { q.Host.Binds = []string{"data:/d", "new:/n", "/anon"} })
	for _, row := range []struct{ key, value, want string }{
		{"name", "da", "data"}, {"name", "^data$", "data"}, {"label", "for", "data logs"}, {"label", "for=logs", "logs"},
		{"driver", "local", "data logs new"},
		{"driver", "nfs", ""}, {"dangling", "true", "logs"}, {"dangling", "0", "data new"},
	} {
		list, err := r.Volumes(filter.Args{row.key: {row.value}})
		var names []string
		for _, v := range list {
			if len(v.Name) < 64 {
				names = append(names, v.Name)
			}
		}
		if err != nil || strings.Join(names, " ") != row.want {
			t.Errorf("%s=%s: %q %v", row.key, row.value, names, err)
		}
	}
	for key, value := range map[string]string{"dangling": "maybe", "color": "red"} {
		if _, err := r.Volumes(filter.Args{key: {value}}); !errdefs.IsInvalidArgument(err) {
			t.Errorf("%s=%s: %v", key, value, err)
		}
	}
	for what, row := range map[string]struct {
		err   error
		class func(error) bool
		says  string
	}{
		"inspect of none":  {second(r.InspectVolume("none")), errdefs.IsNotFound, "no such volume"},
		"rm of none":       {r.RemoveVolume(ctx, "none", false), errdefs.IsNotFound, "no such volume"},
		"rm of one in use": {r.RemoveVolume(ctx, "data", true), errdefs.IsConflict, "volume is in use - ["},
		"another driver": {second(r.VolumeCreate(ctx, apivolume.CreateRequest{Name: "n", Driver: "nfs"})),
			errdefs.IsNotFound, `plugin "nfs" not found`},
		"a bad name": {second(r.VolumeCreate(ctx, apivolume.CreateRequest{Name: "../x"})), errdefs.IsInvalidArgument,
			"only \"[a-zA-Z0-9][a-zA-Z0-9_.-]\""},
		"a short name": {second(r.VolumeCreate(ctx, apivolume.CreateRequest{Name: "x"})), errdefs.IsInvalidArgument, ""},
		"an option": {second(r.VolumeCreate(ctx,
			apivolume.CreateRequest{Name: "oo", DriverOpts: map[string]string{"color": "red"}})), errdefs.IsInvalidArgument,
			"color"},
		"a swarm's": {second(r.VolumeCreate(ctx,
			apivolume.CreateRequest{Name: "ss", ClusterVolumeSpec: &apivolume.ClusterVolumeSpec{}})), errdefs.IsUnavailable,
			"swarm"},
		"an update": {r.VolumeUpdate(), errdefs.IsUnavailable, "swarm"},
	} {
		if row.err == nil || !row.class(row.err) || !strings.Contains(row.err.Error(), row.says) {
			t.Errorf("%s: %v", what, row.err)
		}
	}
	must(t, r.RemoveVolume(ctx, "none", true))
	v, _ := r.InspectVolume("logs")
	must(t, os.WriteFile(filepath.Join(v.Mountpoint, "f"), make([]byte, 100), 0o600))
	usage, err := r.VolumeUsage(ctx)
	must(t, err)
	for _, u := range usage {
		if want := map[string][2]int64{"data": {1, 0}, "new": {1, 0}, "logs": {0, 100}}; len(u.Name) < 64 &&
			(u.UsageData.RefCount != want[u.Name][0] || u.UsageData.Size != want[u.Name][1]) {
			t.Errorf("%s: %+v", u.Name, u.UsageData)
		}
	}
	prune := func(f filter.Args) []string {
		t.Helper()
		report, err := r.PruneVolumes(ctx, f)
		must(t, err)
		return report.VolumesDeleted
	}
	if gone := prune(nil); !slices.Equal(gone, []string{made.Name}) {
		t.Errorf("without a word go %q", gone)
	}
	if gone := prune(filter.Args{"all": {"1"}, "label!": {"for=logs"}}); len(gone) > 0 {
		t.Errorf("%q", gone)
	}
	if gone := prune(filter.Args{"all": {"true"}}); !slices.Equal(gone, []string{"logs"}) {
		t.Errorf("of all go %q", gone)
	}
	if err := second(r.PruneVolumes(ctx, filter.Args{"all": {"maybe"}})); !errdefs.IsInvalidArgument(err) {
		t.Error(err)
	}
	if _, err := os.Stat(v.Mountpoint); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its files are there: %v", err)
	}
	r.since()
	must(t, r.Remove(ctx, "web", engine.RemoveOptions{Volumes: true}))
	r.expect("rm -v", "volume destroy", "container destroy name=web")
	r.shut()
	r.open(nil)
	if list, err := r.Volumes(nil); err != nil || len(list) != 2 || list[0].Name != "data" ||
		list[0].Labels["for"] != "data" {
		t.Errorf("%+v %v", list, err)
	}
}

// TestVolumesOfOthers: an anonymous volume that another container has too stays when one goes.
func TestVolumesOfOthers(t *testing.T) {
	r := newRig(t, nil)
	r.create("one", func(q *request.Create) { q.Host.Binds = []string{"/anon"} })
	r.create("two", func(q *request.Create) { q.Host.VolumesFrom = []string{"one"} })
	for n, name := range []string{"one", "two"} {
		must(t, r.Remove(t.Context(), name, engine.RemoveOptions{Volumes: true}))
		if list, err := r.Volumes(nil); err != nil || len(list) != 1-n {
			t.Errorf("after %s: %+v %v", name, list, err)
		}
	}
}

// TestListFilters: what `docker ps` lists by each filter, and which filters are none.
func TestListFilters(t *testing.T) {
	r := newRig(t, nil)
	ctx := t.Context()
	r.load(dated(t, "other:1", "other", "2020-01-01T00:00:00Z", nil))
	red := r.start("red", func(q *request.Create) {
		q.Config.Labels, q.Host.Binds = map[string]string{"color": "red"}, []string{"data:/d"}

		q.Host.Annotations = map[string]string{"note": "x"}
	})
	r.create("blue", func(q *request.Create) { q.Config.Image = "other:1" })
	bad := r.start("bad", nil)
	r.l.exit(bad, 3)
	r.becomes("bad", api.StateExited)
	r.start("frozen", func(q *request.Create) {
		q.Config.Healthcheck = &api.HealthConfig{Test: []string{"CMD", "x"}, Interval: time.Hour}
	})
	must(t, r.Pause(ctx, "frozen"), r.TagImage(ctx, "base:1", "alias", "9"))
	for _, row := range []struct{ key, value, want string }{
		{"id", red[:8], "red"}, {"id", "zz", ""}, {"name", "re", "red"}, {"name", "^/red$", "red"}, {"name", "b", "bad blue"},
		{"label", "color", "red"}, {"label", "color=blue", ""}, {"annotation", "note", "red"}, {"annotation", "note=y", ""},
		{"status", "running", "red"}, {"status", "paused", "frozen"}, {"status", "created", "blue"},
		{"status", "exited", "bad"}, {"status", "dead", ""},
		{"exited", "3", "bad"}, {"exited", "0", ""}, {"ancestor", "other:1", "blue"},
		{"ancestor", "alias:9", "bad frozen red"}, {"ancestor", "none", ""},
		{"ancestor", r.imageID("base:1"), "bad frozen red"}, {"volume", "data", "red"}, {"volume", "/d", "red"},
		{"volume", "/e", ""},
		{"network", "host", "bad blue frozen red"}, {"network", "none", ""}, {"network", "no-such", ""},
		{"before", "blue", "red"}, {"since", "blue", "bad frozen"}, {"health", "none", "bad blue red"},
		{"health", "starting", ""}, {"health", "unhealthy", "frozen"},
		{"is-task", "false", "bad blue frozen red"}, {"is-task", "true", ""}, {"isolation", "default", "bad blue frozen red"},
		{"isolation", "hyperv", ""},
		{"publish", "80", ""}, {"expose", "80/tcp", ""},
	} {
		if got := strings.Join(r.listed(filter.Args{row.key: {row.value}}), " "); got != row.want {
			t.Errorf("%s=%s: %q, want %q", row.key, row.value, got, row.want)
		}
	}
	if got := r.listed(filter.Args{"status": {"paused", "created"}, "name": {"e"}}); !slices.Equal(got,
		[]string{"blue", "frozen"}) {
		t.Errorf("%q", got)
	}
	for key, value := range map[string]string{
		"status": "asleep", "health": "fine", "exited": "x", "publish": "70000", "expose": "x/tcp", "is-task": "maybe",
		"before": "none", "since": "", "colour": "red",
	} {
		if _, err := r.List(ctx, engine.ListOptions{Filters: filter.Args{key: {value}}}); err == nil ||
			errdefs.IsInternal(err) {
			t.Errorf("%s=%s: %v", key, value, err)
		}
	}
	last, err := r.List(ctx, engine.ListOptions{Limit: 2})
	if err != nil || len(last) != 2 || last[0].Names[0] != "/frozen" || last[1].Names[0] != "/bad" {
		t.Errorf("%+v %v", last, err)
	}
	running, err := r.List(ctx, engine.ListOptions{Size: true})
	if err != nil || len(running) != 2 || running[1].SizeRootFs == 0 {
		t.Errorf("%+v %v", running, err)
	}
	for i, want := range []string{"(Paused)", "Up "} {
		if !strings.Contains(running[i].Status, want) {
			t.Errorf("%q", running[i].Status)
		}
	}
}

// TestNetworks: the networks that every daemon has are listed by each filter, and prune leaves them.
func TestNetworks(t *testing.T) {
	r := newRig(t, nil)
	names := func(f filter.Args) string {
		list, err := r.Networks(f)
		must(t, err)
		var out []string
		for _, n := range list {
			out = append(out, n.Name)
		}
		return strings.Join(out, " ")
	}
	host, err := r.InspectNetwork("host")
	must(t, err)
	all := names(nil)
	for _, row := range []struct{ key, value, want string }{
		{"name", "ho", "host"}, {"driver", "null", "none"}, {"driver", "overlay", ""}, {"id", host.ID[:9], "host"},
		{"scope", "local", all}, {"scope", "swarm", ""},
		{"type", "builtin", all}, {"type", "custom", ""}, {"dangling", "true", ""}, {"dangling", "0", all},
		{"label", "x", ""},
	} {
		if got := names(filter.Args{row.key: {row.value}}); got != row.want {
			t.Errorf("%s=%s: %q, want %q", row.key, row.value, got, row.want)
		}
	}
	for key, value := range map[string]string{"type": "x", "dangling": "maybe", "color": "red"} {
		if _, err := r.Networks(filter.Args{key: {value}}); !errdefs.IsInvalidArgument(err) {
			t.Errorf("%s=%s: %v", key, value, err)
		}
	}
	id := r.start("web", nil)
	r.create("rests", nil)
	n, err := r.InspectNetwork(host.ID[:12])
	if err != nil || len(n.Containers) != 1 || n.Containers[id].Name != "web" {
		t.Errorf("%+v %v", n, err)
	}
	if _, err := r.InspectNetwork("no-such"); !errdefs.IsNotFound(err) ||
		!strings.Contains(err.Error(), "network no-such not found") {
		t.Error(err)
	}
	if err := second(r.PruneNetworks(t.Context(), nil)); err != nil || names(nil) != all {
		t.Errorf("%v, %s", err, names(nil))
	}
	for _, f := range []filter.Args{{"until": {"x"}}, {"dangling": {"1"}}} {
		if err := second(r.PruneNetworks(t.Context(), f)); !errdefs.IsInvalidArgument(err) {
			t.Errorf("%v: %v", f, err)
		}
	}
	r.since()
	must(t, second(r.PruneBuilds(t.Context(), nil)))
	r.expect("builder prune", "builder prune")

}

// TestPruneAlone: of two prunes at once one is refused, and the other tells all that went.
func TestPruneAlone(t *testing.T) {
	r := newRig(t, nil)
	for n := range 30 {
		r.create(fmt.Sprint("web", n), nil)
	}
	type result struct {
		gone int
		err  error
	}
	done := make(chan result, 2)
	for range 2 {
		go func() {
			report, err := r.PruneContainers(t.Context(), nil)
			if err != nil {
				done <- result{0, err}
				return
			}
			done <- result{len(report.ContainersDeleted), nil}
		}()
	}
	gone := 0
	for range 2 {
		d := <-done
		gone += d.gone
		if d.err != nil && (!errdefs.IsConflict(d.err) ||
			!strings.Contains(d.err.Error(), "a prune operation is already running")) {
			t.Error(d.err)
		}
	}
	if gone != 30 || len(r.listed(nil)) > 0 {
		t.Errorf("%d went", gone)
	}
}
