package enginetest

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	api "github.com/moby/moby/api/types/container"
	apinetwork "github.com/moby/moby/api/types/network"

	"box/engine"
	"box/engine/filter"
	"box/engine/request"
)

// network makes a network with a subnet, or one of the pools' for "".
func (r *rig) network(name, subnet string, edit func(*request.Network)) string {
	r.t.Helper()
	q := request.Network{Name: name}
	if subnet != "" {
		q.IPAM = &request.IPAM{Config: []request.Subnet{{Subnet: subnet}}}
	}
	if edit != nil {
		edit(&q)
	}
	made, err := r.CreateNetwork(r.t.Context(), &q)
	must(r.t, err)
	return made.ID
}

// on is a request of a container on networks, the first of which is its network mode.
func on(edit func(*request.Create), networks ...string) func(*request.Create) {
	return func(q *request.Create) {
		q.Host.NetworkMode = api.NetworkMode(networks[0])
		q.Networking = &apinetwork.NetworkingConfig{EndpointsConfig: map[string]*apinetwork.EndpointSettings{}}
		for _, n := range networks {
			q.Networking.EndpointsConfig[n] = &apinetwork.EndpointSettings{}
		}
		if edit != nil {
			edit(q)
		}
	}
}

// settings returns what inspect shows of a container's place on a network, nil if it has none.
func (r *rig) settings(ref, network string) *apinetwork.EndpointSettings {
	r.t.Helper()
	i, err := r.Inspect(r.t.Context(), ref, false)
	must(r.t, err)
	return i.NetworkSettings.Networks[network]
}

// TestOwnNetworks: a network from its creation to its removal, and what the next daemon finds of it.
func TestOwnNetworks(t *testing.T) {
	r, plane := bridged(t)
	ctx := t.Context()
	r.since()
	id := r.network("net-a", "198.51.100.0/24", func(q *request.Network) {
		q.Labels, q.Options = map[string]string{"l": "1"}, map[string]string{"com.docker.network.driver.mtu": "1400"}
		q.Attachable = true
	})
	r.network("net-b", "", nil)
	r.expect("create", "network create name=net-a", "network create name=net-b")
	for what, row := range map[string]struct {
		q     request.Network
		class func(error) bool
		says  string
	}{
		"a name twice": {request.Network{Name: "net-a"}, errdefs.IsConflict, "network with name net-a already exists"},
		"overlap": {request.Network{Name: "net-c", IPAM: &request.IPAM{Config: []request.Subnet{{Subnet: "198.51.0.0/16"}}}},
			errdefs.IsPermissionDenied, "Pool overlaps with other one on this address space"},
		"overlap with the default network": {request.Network{Name: "net-c",
			IPAM: &request.IPAM{Config: []request.Subnet{{Subnet: "192.0.2.128/25"}}}}, errdefs.IsPermissionDenied, "Pool overlaps"},
		"a bridge twice": {request.Network{Name: "net-c", Options: map[string]string{
			"com.docker.network.bridge.name": "br-" + id[:12]}}, errdefs.IsPermissionDenied, "networks have same bridge name"},
	} {
		if _, err := r.CreateNetwork(ctx, &row.q); !row.class(err) || !strings.Contains(err.Error(), row.says) {
			t.Errorf("%s: %v", what, err)
		}
	}
	plane.Fail("Create", errors.New("no bridge"))
	if _, err := r.CreateNetwork(ctx, &request.Network{Name: "net-c"}); err == nil {
		t.Error("a plane that fails makes a network")
	}
	plane.Fail("Create", nil)
	if _, err := r.InspectNetwork("net-c"); !errdefs.IsNotFound(err) {
		t.Errorf("half a network: %v", err)
	}
	if twin, err := r.CreateNetwork(ctx, &request.Network{Name: "net-a", Duplicates: true}); err != nil ||
		!strings.Contains(twin.Warning, "Network with name net-a (id : "+id+") already exists") {
		t.Errorf("%+v %v", twin, err)
	} else if _, err := r.InspectNetwork("net-a"); !errdefs.IsInvalidArgument(err) {
		t.Errorf("of two: %v", err)
	} else {
		must(t, r.RemoveNetwork(ctx, twin.ID))
	}
	before, err := r.InspectNetwork("net-a")
	must(t, err)
	r.shut()
	r.open(func(o *engine.Options) { o.Net, o.Bridge.IP = plane, netip.MustParsePrefix("192.0.2.1/24") })
	after, err := r.InspectNetwork(id[:8])
	if err != nil || after.ID != id || !after.Attachable || after.Labels["l"] != "1" || !after.Created.Equal(before.Created) ||
		len(after.IPAM.Config) != 1 || after.IPAM.Config[0].Subnet.String() != "198.51.100.0/24" {
		t.Errorf("%+v %v", after, err)
	}
	r.since()
	removed, err := r.PruneNetworks(ctx, filter.Args{"label!": {"l"}})
	if err != nil || !slices.Equal(removed, []string{"net-b"}) {
		t.Errorf("%v %v", removed, err)
	}
	must(t, r.RemoveNetwork(ctx, "net-a"))
	r.expect("removals", "network destroy name=net-b", "network prune", "network destroy name=net-a")
	if err := r.RemoveNetwork(ctx, id); !errdefs.IsNotFound(err) {
		t.Errorf("again: %v", err)
	}
}

// TestUsedNetwork: a network stays while a container runs on it; without its network a container does not start, not
// even on another one whose ID begins with that network's name.
func TestUsedNetwork(t *testing.T) {
	r, _ := bridged(t)
	ctx := t.Context()
	other, err := r.InspectNetwork("bridge")
	must(t, err)
	name := other.ID[:2]
	r.network(name, "", nil)
	r.start("web", on(nil, name))
	if err := r.RemoveNetwork(ctx, name); !errdefs.IsPermissionDenied(err) || !strings.Contains(err.Error(),
		"has active endpoints") {
		t.Errorf("%v", err)
	}
	if removed, err := r.PruneNetworks(ctx, nil); err != nil || len(removed) > 0 {
		t.Errorf("%v %v", removed, err)
	}
	if list, err := r.Networks(filter.Args{"dangling": {"true"}}); err != nil || len(list) > 0 {
		t.Errorf("%v %v", list, err)
	}
	must(t, r.Kill(ctx, "web", ""))
	r.becomes("web", api.StateExited)
	must(t, r.RemoveNetwork(ctx, name))
	if err := r.Start(ctx, "web"); !errdefs.IsNotFound(err) || !strings.Contains(err.Error(), "network "+name+" not found") {
		t.Errorf("%v", err)
	}
	r.network(name, "", nil)
	must(t, r.Start(ctx, "web"))
}

// TestConnect: containers that run, have stopped, or never ran come to networks and leave them, and the daemon after
// this one has the same.
func TestConnect(t *testing.T) {
	r, plane := bridged(t)
	ctx := t.Context()
	r.network("net-a", "", nil)
	r.network("net-b", "198.51.100.0/24", nil)
	id := r.start("web", on(func(q *request.Create) {
		q.Host.PortBindings = apinetwork.PortMap{apinetwork.MustParsePort("80/tcp"): {{HostPort: "8080"}}}
	}, "net-b"))
	first := r.settings("web", "net-b").EndpointID
	r.since()
	must(t, r.Connect(ctx, "net-a", "web", &apinetwork.EndpointSettings{Aliases: []string{"x"}}))
	r.expect("connect", "network connect name=net-a")
	// a is before b: it has the routes and the ports now.
	if four, _ := plane.Routes(id); four != r.settings("web", "net-a").EndpointID {
		t.Errorf("the route leads by %s", four)
	}
	if ep, _ := plane.Endpoint(first); len(ep.Ports) > 0 {
		t.Errorf("ports stay: %+v", ep)
	}
	if ep, _ := plane.Endpoint(r.settings("web", "net-a").EndpointID); len(ep.Ports) != 1 {
		t.Errorf("ports do not come: %+v", ep)
	}
	hosts, err := os.ReadFile(filepath.Join(r.folder(id), "hosts"))
	if err != nil || strings.Count(string(hosts), "\t"+id[:12]) != 2 {
		t.Errorf("%s %v", hosts, err)
	}
	if err := r.Connect(ctx, "net-a", "web", nil); !errdefs.IsPermissionDenied(err) ||
		!strings.Contains(err.Error(), "endpoint with name web already exists in network net-a") {
		t.Errorf("%v", err)
	}
	plane.Fail("Publish", errors.New("port is taken"))
	r.network("0", "", nil)
	if err := r.Connect(ctx, "0", "web", nil); err == nil || r.settings("web", "0") != nil {
		t.Errorf("without its ports: %v", err)
	}
	plane.Fail("Publish", nil)
	must(t, r.Disconnect(ctx, "net-a", "web", false))
	if four, _ := plane.Routes(id); four != first {
		t.Errorf("the route leads by %s", four)
	}
	if err := r.Disconnect(ctx, "net-a", "web", false); err == nil || !strings.Contains(err.Error(),
		"container "+id+" is not connected to network net-a") {
		t.Errorf("%v", err)
	}
	if err := r.Disconnect(ctx, "net-a", "nobody", true); !errdefs.IsNotFound(err) || err.Error() != "endpoint nobody not found" {
		t.Errorf("%v", err)
	}
	must(t, r.Connect(ctx, "net-a", "web", nil))
	must(t, r.Kill(ctx, "web", ""))
	r.becomes("web", api.StateExited)
	must(t, r.Disconnect(ctx, "net-b", "web", false))
	must(t, r.Connect(ctx, "net-b", "web", &apinetwork.EndpointSettings{
		IPAMConfig: &apinetwork.EndpointIPAMConfig{IPv4Address: netip.MustParseAddr("198.51.100.77")}}))
	r.shut()
	r.open(func(o *engine.Options) { o.Net, o.Bridge.IP = plane, netip.MustParsePrefix("192.0.2.1/24") })
	must(t, r.Start(ctx, "web"))
	if at := r.settings("web", "net-b").IPAddress.String(); at != "198.51.100.77" || r.settings("web", "net-a").EndpointID == "" {
		t.Errorf("%s", at)
	}
}

// TestConnectRefused: what does not go together, in Docker's words.
func TestConnectRefused(t *testing.T) {
	r, _ := bridged(t)
	r.network("net-a", "", nil)
	r.network("fixed", "198.51.100.0/24", nil)
	r.network("pattern", "203.0.113.0/24", func(q *request.Network) { q.ConfigOnly = true })
	r.start("web", on(nil, "net-a"))
	r.start("hosted", nil)
	r.start("alone", func(q *request.Create) { q.Host.NetworkMode = "none" })
	r.create("guest", func(q *request.Create) { q.Host.NetworkMode = "container:web" })
	address := func(text string) *apinetwork.EndpointSettings {
		return &apinetwork.EndpointSettings{IPAMConfig: &apinetwork.EndpointIPAMConfig{IPv4Address: netip.MustParseAddr(text)}}
	}
	const shared = "container sharing network namespace with another container or host cannot be connected to any other network"
	for _, row := range []struct {
		network, container string
		s                  *apinetwork.EndpointSettings
		class              func(error) bool
		says               string
	}{
		{"nothing", "web", nil, errdefs.IsNotFound, "network nothing not found"},
		{"net-a", "nobody", nil, errdefs.IsNotFound, "No such container: nobody"},
		{"host", "web", nil, errdefs.IsInvalidArgument, "connected to host network"},
		{"net-a", "hosted", nil, errdefs.IsInvalidArgument, shared},
		{"net-a", "guest", nil, errdefs.IsInvalidArgument, shared},
		{"net-a", "alone", nil, errdefs.IsInvalidArgument, "in private (none) mode"},
		{"none", "web", nil, errdefs.IsInvalidArgument, "in private (none) mode"},
		{"pattern", "web", nil, errdefs.IsPermissionDenied, "configuration-only network"},
		{"fixed", "web", address("10.0.0.1"), errdefs.IsInvalidArgument,
			"no configured subnet or ip-range contain the IP address 10.0.0.1"},
		{"bridge", "web", address("192.0.2.9"), errdefs.IsInvalidArgument, "on user defined networks only"},
		{"bridge", "web", &apinetwork.EndpointSettings{Aliases: []string{"x"}}, errdefs.IsInvalidArgument, "network-scoped alias"},
		{"fixed", "web", &apinetwork.EndpointSettings{DriverOpts: map[string]string{
			"com.docker.network.endpoint.sysctls": "kernel.x=1"}}, errdefs.IsInvalidArgument, "invalid endpoint sysctl"},
		{"fixed", "web", &apinetwork.EndpointSettings{Aliases: []string{"a\nb"}}, errdefs.IsInvalidArgument, "invalid alias"},
	} {
		err := r.Connect(t.Context(), row.network, row.container, row.s)
		if !row.class(err) || !strings.Contains(err.Error(), row.says) {
			t.Errorf("%s to %s: %v", row.container, row.network, err)
		}
	}
	if i, err := r.Inspect(t.Context(), "web", false); err != nil || len(i.NetworkSettings.Networks) != 1 {
		t.Errorf("%+v %v", i.NetworkSettings.Networks, err)
	}
}

// TestZones: what the keeper is told of names when containers come, go, are renamed, and when the daemon starts.
func TestZones(t *testing.T) {
	r, _ := bridged(t)
	ctx := t.Context()
	net := r.network("net-a", "", nil)
	names := func() string {
		z, _ := r.l.Zone(net)
		var all []string
		for _, h := range z.Hosts {
			all = append(all, strings.Join(h.Names, ","))
		}
		slices.Sort(all)
		return strings.Join(all, " ")
	}
	one := r.start("one", on(nil, "net-a"))
	two := r.start("two", on(func(q *request.Create) {
		q.Config.Hostname = "host2"
		q.Networking.EndpointsConfig["net-a"].Aliases = []string{"x", "y"}
		q.Networking.EndpointsConfig["net-a"].Links = []string{"one:first"}
	}, "net-a"))
	want := "one," + one[:12] + " two,x,y," + two[:12] + ",host2"
	if got := names(); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := r.settings("two", "net-a").DNSNames; strings.Join(got, ",") != "two,x,y,"+two[:12]+",host2" {
		t.Errorf("%v", got)
	}
	q, known := r.l.Resolver(two)
	if !known || q.Links["first"] != "one" || !slices.Equal(q.Networks, []string{net}) || q.Internal || q.Namespace == "" {
		t.Errorf("%+v", q)
	}
	resolv, err := os.ReadFile(filepath.Join(r.folder(two), "resolv.conf"))
	if err != nil || !strings.Contains(string(resolv), "nameserver 127.0.0.11\noptions ndots:0") {
		t.Errorf("%s %v", resolv, err)
	}
	must(t, r.Rename(ctx, "two", "second"))
	if got := names(); !strings.Contains(got, "second,x,y") || strings.Contains(got, "two") {
		t.Errorf("%s", got)
	}
	plain := r.start("plain", onBridge(nil))
	if _, known := r.l.Resolver(plain); known {
		t.Error("a container on the default network has a resolver")
	}
	must(t, r.Connect(ctx, "net-a", "plain", nil))
	if _, known := r.l.Resolver(plain); !known || !strings.Contains(names(), "plain") {
		t.Errorf("%s", names())
	}
	resolv, err = os.ReadFile(filepath.Join(r.folder(plain), "resolv.conf"))
	if err != nil || !strings.Contains(string(resolv), "127.0.0.11") {
		t.Errorf("%s %v", resolv, err)
	}
	must(t, r.Disconnect(ctx, "net-a", "plain", false))
	must(t, r.Kill(ctx, "second", ""))
	r.becomes("second", api.StateExited)
	if got := names(); got != "one,"+one[:12] {
		t.Errorf("%s", got)
	}
	must(t, r.Kill(ctx, "one", ""))
	r.becomes("one", api.StateExited)
	must(t, r.RemoveNetwork(ctx, "net-a"))
	if _, known := r.l.Zone(net); known {
		t.Error("the zone is there without its network")
	}
}

// TestSeveralNetworks: a container on several networks at once has its gateway where Docker has it.
func TestSeveralNetworks(t *testing.T) {
	r, plane := bridged(t)
	for _, n := range []string{"net-a", "net-b", "net-c"} {
		r.network(n, "", nil)
	}
	r.network("0-inside", "", func(q *request.Network) { q.Internal = true })
	for name, row := range map[string]struct {
		edit func(map[string]*apinetwork.EndpointSettings)
		want string
	}{
		"by name": {func(map[string]*apinetwork.EndpointSettings) {}, "net-a"},
		"by priority": {func(m map[string]*apinetwork.EndpointSettings) {
			m["net-c"].GwPriority, m["0-inside"].GwPriority = 1, 9 // which leads nowhere
		}, "net-c"},
		"below": {func(m map[string]*apinetwork.EndpointSettings) { m["net-a"].GwPriority = -1 }, "net-b"},
	} {
		r.start("web", on(func(q *request.Create) {
			q.Host.PortBindings = apinetwork.PortMap{apinetwork.MustParsePort("80/tcp"): {{HostPort: "8080"}}}
			row.edit(q.Networking.EndpointsConfig)
		}, "net-b", "net-a", "net-c", "0-inside"))
		for _, n := range []string{"net-a", "net-b", "net-c", "0-inside"} {
			ep, known := plane.Endpoint(r.settings("web", n).EndpointID)
			if !known || (len(ep.Ports) > 0) != (n == row.want) {
				t.Errorf("%s: %s has %+v", name, n, ep)
			}
		}
		must(t, r.Remove(t.Context(), "web", engine.RemoveOptions{Force: true}))
		if left := plane.Endpoints(); len(left) > 0 {
			t.Errorf("%s leaves %v", name, left)
		}
	}
}
