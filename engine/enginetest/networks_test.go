package enginetest

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	api "github.com/moby/moby/api/types/container"
	apinetwork "github.com/moby/moby/api/types/network"

	"box/engine"
	"box/engine/filter"
	"box/engine/network/networktest"
	"box/engine/request"
)

// bridged is a rig whose containers are on a bridge that exists in memory alone.
func bridged(t *testing.T) (*rig, *networktest.Plane) {
	t.Helper()
	plane := networktest.New()
	return newRig(t, func(o *engine.Options) {
		o.Net, o.Bridge.IP = plane, netip.MustParsePrefix("192.0.2.1/24")
	}), plane
}

// onBridge is a request of a container on the default network.
func onBridge(edit func(*request.Create)) func(*request.Create) {
	return func(q *request.Create) {
		q.Host.NetworkMode = "default"
		if edit != nil {
			edit(q)
		}
	}
}

// TestJoins: a container has its address while it runs, tells its ports, and gives both back at its end, however that
// comes.
func TestJoins(t *testing.T) {
	r, plane := bridged(t)
	ctx := t.Context()
	published := onBridge(func(q *request.Create) {
		q.Config.ExposedPorts = apinetwork.PortSet{apinetwork.MustParsePort("80/tcp"): {},
			apinetwork.MustParsePort("53/udp"): {}}
		q.Host.PortBindings = apinetwork.PortMap{apinetwork.MustParsePort("80/tcp"): {{HostPort: "8080"}}}
	})
	r.create("web", published)
	for n, end := range []func() error{
		func() error { return r.Kill(ctx, "web", "") },
		func() error { return r.Stop(ctx, "web", engine.StopOptions{}) },
		func() error { return r.Remove(ctx, "web", engine.RemoveOptions{Force: true}) },
	} {
		must(t, r.Start(ctx, "web"))
		i, err := r.Inspect(ctx, "web", false)
		must(t, err)
		on := i.NetworkSettings.Networks["bridge"]
		if on == nil || !netip.MustParsePrefix("192.0.2.0/24").Contains(on.IPAddress) || on.Gateway.String() != "192.0.2.1" ||
			len(plane.Endpoints()) != 1 {
			t.Fatalf("start %d: %+v, %v", n, on, plane.Endpoints())
		}
		for key, want := range map[string]string{"publish=8080": "web", "publish=80": "", "expose=53/udp": "web",
			"expose=54": "", "network=bridge": "web"} {
			k, v, _ := strings.Cut(key, "=")
			if got := strings.Join(r.listed(filter.Args{k: {v}}), " "); got != want {
				t.Errorf("%s: %q, want %q", key, got, want)
			}
		}
		d, err := r.InspectNetwork("bridge")
		if err != nil || len(d.Containers) != 1 || d.Containers[i.ID].Name != "web" {
			t.Errorf("%+v %v", d, err)
		}
		hosts, err := os.ReadFile(filepath.Join(r.folder(i.ID), "hosts"))
		if err != nil || !strings.Contains(string(hosts), on.IPAddress.String()+"\t"+i.Config.Hostname) {
			t.Errorf("%s %v", hosts, err)
		}
		must(t, end())
		if left := plane.Endpoints(); len(left) > 0 {
			t.Errorf("end %d leaves %v", n, left)
		}
		if d, err := r.InspectNetwork("bridge"); err != nil || len(d.Containers) > 0 {
			t.Errorf("end %d: %+v %v", n, d.Containers, err)
		}
	}
}

// TestJoinFails: a network that fails leaves nothing joined and nothing running, and the next start works.
func TestJoinFails(t *testing.T) {
	r, plane := bridged(t)
	ctx := t.Context()
	r.create("web", onBridge(nil))
	errPlane := errors.New("no address is left")
	for _, method := range []string{"Sandbox", "Join"} {
		plane.Fail(method, errPlane)
		err := r.Start(ctx, "web")
		if !errors.Is(err, errPlane) || r.state("web").Running || len(plane.Endpoints()) > 0 {
			t.Errorf("%s: %v, %v", method, err, plane.Endpoints())
		}
		if boxes, _ := plane.Sandboxes(ctx); len(boxes) > 0 {
			t.Errorf("%s: %v is left", method, boxes)
		}
		plane.Fail(method, nil)
	}
	r.l.failing("launch", errors.New("no"))
	if err := r.Start(ctx, "web"); err == nil || len(plane.Endpoints()) > 0 {
		t.Errorf("%v, %v", err, plane.Endpoints())
	}
	r.l.failing("launch", nil)
	must(t, r.Start(ctx, "web"))
	plane.Fail("Leave", errPlane)
	must(t, r.Kill(ctx, "web", "")) // which ends it all the same
	if st := r.state("web"); st.Status != api.StateExited {
		t.Errorf("%+v", st)
	}
}

// TestLinks: a container finds those that it links to by alias, with the address that they have now; a link may be
// taken away, and what links nowhere is refused.
func TestLinks(t *testing.T) {
	r, _ := bridged(t)
	ctx := t.Context()
	db := r.start("db", onBridge(func(q *request.Create) {
		q.Config.ExposedPorts = apinetwork.PortSet{apinetwork.MustParsePort("5432/tcp"): {}}
		q.Config.Env = []string{"COLOR=red"}
	}))
	links := func(list ...string) func(*request.Create) {
		return onBridge(func(q *request.Create) { q.Host.Links = list })
	}
	web := r.start("web", links("db:store"))
	address := func(ref string) string {
		i, err := r.Inspect(ctx, ref, false)
		must(t, err)
		return i.NetworkSettings.Networks["bridge"].IPAddress.String()
	}
	hosts := func() string {
		raw, err := os.ReadFile(filepath.Join(r.folder(web), "hosts"))
		must(t, err)
		return string(raw)
	}
	if got := hosts(); !strings.Contains(got, address("db")+"\tstore") {
		t.Errorf("%s", got)
	}
	if i, err := r.Inspect(ctx, "web/store", false); err != nil || i.ID != db {
		t.Errorf("by its link: %v", err)
	}
	must(t, r.Restart(ctx, "db", engine.StopOptions{}))
	if got := hosts(); !strings.Contains(got, address("db")+"\tstore") {
		t.Errorf("after another address: %s, want %s", got, address("db"))
	}
	for what, row := range map[string]struct{ spec, says string }{
		"nobody": {"none:x", "could not get container for none"}, "no name": {":x", "bad format for links"},
		"no alias":    {"db:", "bad format for links"},
		"three parts": {"db:a:b", "bad format for links"},
	} {
		_, err := r.Create(ctx, request.Create{Name: "bad", Config: &api.Config{Image: "base:1"},
			Host: &api.HostConfig{NetworkMode: "default", Links: []string{row.spec}}})
		if !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), row.says) {
			t.Errorf("%s: %v", what, err)
		}
	}
	must(t, r.Kill(ctx, "db", ""))
	r.create("late", links("db:store"))
	if err := r.Start(ctx, "late"); err == nil ||
		!strings.Contains(err.Error(), "Cannot link to a non running container") {
		t.Errorf("to one that does not run: %v", err)
	}
	if err := r.RemoveLink(ctx, "web"); !errdefs.IsConflict(err) {
		t.Errorf("%v", err)
	}
	for _, ref := range []string{"web/none", "none/store"} {
		if err := r.RemoveLink(ctx, ref); !errdefs.IsNotFound(err) {
			t.Errorf("%s: %v", ref, err)
		}
	}
	must(t, r.RemoveLink(ctx, "web/store"))
	if _, err := r.Inspect(ctx, "web/store", false); err == nil {
		t.Error("the link is there")
	}
	if i, err := r.Inspect(ctx, "web", false); err != nil || i.HostConfig.Links != nil || !i.State.Running {
		t.Errorf("%+v %v", i.HostConfig.Links, err)
	}
}
