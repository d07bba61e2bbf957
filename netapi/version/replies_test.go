package version

import (
	"context"
	"encoding/json"
	"net/netip"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	api "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/image"
	"github.com/moby/moby/api/types/network"

	"box/engine"
)

// fieldsOf is a reply as a client reads it.
func fieldsOf(t *testing.T, v any, err error) map[string]any {
	t.Helper()
	raw, merr := json.Marshal(v)
	var fields map[string]any
	if err != nil || merr != nil || json.Unmarshal(raw, &fields) != nil {
		t.Fatalf("%v %v %s", err, merr, raw)
	}
	return fields
}

// has tells whether a reply has a member, by its path.
func has(v any, path string) bool {
	for key := range strings.SplitSeq(path, ".") {
		m, ok := v.(map[string]any)
		if !ok {
			return false
		}
		if v, ok = m[key]; !ok {
			return false
		}
	}
	return true
}

// In which versions a member is there: from and to, of the versions that the daemon serves.
func spans(t *testing.T, path string, from, to Version, reply func(Version) map[string]any) {
	t.Helper()
	for v := mustParse(Min); v <= mustParse(Max); v++ {
		if got, want := has(reply(v), path), from <= v && v <= to; got != want {
			t.Errorf("%s in 1.%d: %v, want it from 1.%d to 1.%d", path, v, got, from, to)
		}
	}
}

const first, last = Version(22), Version(56)

func TestInspectByVersion(t *testing.T) {
	reply := func(v Version) map[string]any {
		c := &api.InspectResponse{Config: &api.Config{}, HostConfig: &api.HostConfig{},
			NetworkSettings: &api.NetworkSettings{Networks: map[string]*network.EndpointSettings{"bridge": {
				EndpointID: "e", IPAddress: netip.MustParseAddr("172.17.0.2"), IPPrefixLen: 16,
				Gateway: netip.MustParseAddr("172.17.0.1"), DNSNames: []string{"a"}, GwPriority: 1}}}}
		r, err := Inspect(c, v)
		return fieldsOf(t, r, err)
	}
	for _, row := range []struct {
		path     string
		from, to Version
	}{
		{"Config.OnBuild", first, 51},
		{"HostConfig.KernelMemory", first, 41},
		{"HostConfig.KernelMemoryTCP", 40, 51},
		{"NetworkSettings.Networks.bridge.DNSNames", 44, last},
		{"NetworkSettings.Networks.bridge.GwPriority", 48, last},
		{"NetworkSettings.IPAddress", first, last},
		{"NetworkSettings.Networks.bridge.IPAddress", first, last},
	} {
		spans(t, row.path, row.from, row.to, reply)
	}
	s, _ := reply(50)["NetworkSettings"].(map[string]any)
	if s["IPAddress"] != "172.17.0.2" || s["Gateway"] != "172.17.0.1" || s["IPPrefixLen"] != 16.0 ||
		s["EndpointID"] != "e" {
		t.Errorf("the address on the default network: %v", s)
	}
}

// Without an address on the default network, the old members are empty and not "invalid IP".
func TestInspectWithoutAddress(t *testing.T) {
	for _, networks := range []map[string]*network.EndpointSettings{nil, {}, {"bridge": {}},
		{"other": {IPAddress: netip.MustParseAddr("10.0.0.2")}}} {
		r, err := Inspect(&api.InspectResponse{NetworkSettings: &api.NetworkSettings{Networks: networks}}, 50)
		s, _ := fieldsOf(t, r, err)["NetworkSettings"].(map[string]any)
		for _, name := range []string{"IPAddress", "Gateway", "MacAddress", "EndpointID"} {
			if s[name] != "" {
				t.Errorf("%v: %s is %q", networks, name, s[name])
			}
		}
	}
}

func TestSummaryByVersion(t *testing.T) {
	reply := func(v Version) map[string]any {
		r, err := Summary(&api.Summary{ID: "a", Health: &api.HealthSummary{}, NetworkSettings: &api.NetworkSettingsSummary{
			Networks: map[string]*network.EndpointSettings{"n": {DNSNames: []string{"a"}}}}}, v)
		return fieldsOf(t, r, err)
	}
	spans(t, "Health", 52, last, reply)
	spans(t, "NetworkSettings.Networks.n.DNSNames", 44, last, reply)
	spans(t, "NetworkSettings.Networks.n.GwPriority", 48, last, reply)
	spans(t, "NetworkSettings.Networks.n.IPAddress", first, last, reply)
}

func TestImagesByVersion(t *testing.T) {
	summary := func(v Version) map[string]any {
		return fieldsOf(t, ImageSummary(&image.Summary{Size: 7}, v), nil)
	}
	spans(t, "VirtualSize", first, 43, summary)
	for v := first; v <= last; v++ {
		tags, _ := summary(v)["RepoTags"].([]any)
		if (len(tags) == 1 && tags[0] == "<none>:<none>") != (v < 43) {
			t.Errorf("1.%d: an image without names has %v", v, tags)
		}
	}
	if got := fieldsOf(t, ImageSummary(&image.Summary{RepoTags: []string{"a:1"}}, 30),
		nil)["RepoTags"]; len(got.([]any)) != 1 ||
		got.([]any)[0] != "a:1" {
		t.Errorf("names: %v", got)
	}
	inspect := func(v Version) map[string]any {
		i := &engine.ImageInspect{}
		i.ID, i.Size = "sha256:a", 7
		r, err := ImageInspect(i, v)
		return fieldsOf(t, r, err)
	}
	spans(t, "VirtualSize", first, 43, inspect)
	spans(t, "Container", first, 44, inspect)
	spans(t, "ContainerConfig", first, last, inspect) // of 1.45 and later for Compose 1.29
	spans(t, "Id", first, last, inspect)
	spans(t, "Config.Hostname", first, 49, inspect)
	if got := inspect(43)["Created"]; got != "0001-01-01T00:00:00Z" {
		t.Errorf("an image without a date in 1.43: %v", got)
	}
}

func TestInfoByVersion(t *testing.T) {
	type commit struct{ ID string }
	type info struct {
		CDISpecDirs      []string
		FirewallBackend  string
		RegistryConfig   struct{ Mirrors []string }
		ContainerdCommit commit
		RuncCommit       commit
		InitCommit       commit
	}
	reply := func(v Version) map[string]any {
		r, err := Shaped(&info{}, InfoFields(true, false), v)
		return fieldsOf(t, r, err)
	}
	for _, row := range []struct {
		path     string
		from, to Version
	}{
		{"BridgeNfIptables", first, 49}, {"BridgeNfIp6tables", first, 49}, {"KernelMemory", first, 41},
		{"KernelMemoryTCP", 40, 51}, {"CDISpecDirs", 44, last}, {"FirewallBackend", 49, last},
		{"RegistryConfig.AllowNondistributableArtifactsCIDRs", first, 48},
		{"RegistryConfig.AllowNondistributableArtifactsHostnames", first, 48},
		{"RuncCommit.Expected", first, 48}, {"InitCommit.Expected", first, 48}, {"ContainerdCommit.Expected", first, 48},
		{"RuncCommit.ID", first, last},
	} {
		spans(t, row.path, row.from, row.to, reply)
	}
	if r := reply(40); r["BridgeNfIptables"] != true || r["BridgeNfIp6tables"] != false {
		t.Errorf("bridged packets: %v %v", r["BridgeNfIptables"], r["BridgeNfIp6tables"])
	}
}

// Bodies of create as clients of all times send them, and bodies that are none.
func TestDecodeCreate(t *testing.T) {
	for _, row := range []struct {
		body, says string // of an error
		check      func(api.CreateRequest) bool
	}{
		{`{"Cmd":"sh"}`, "", func(q api.CreateRequest) bool { return len(q.Cmd) == 1 && q.Cmd[0] == "sh" }},
		{`{"Cmd":["sh","-c","x"]}`, "", func(q api.CreateRequest) bool { return len(q.Cmd) == 3 }},
		{`{"Cmd":null,"Entrypoint":"/init"}`, "", func(q api.CreateRequest) bool {
			return q.Cmd == nil && len(q.Entrypoint) == 1
		}},
		{`{"Entrypoint":[]}`, "", func(q api.CreateRequest) bool { return q.Entrypoint != nil && len(q.Entrypoint) == 0 }},
		{`{"Shell":"sh"}`, "", func(q api.CreateRequest) bool { return len(q.Shell) == 1 }},
		{`{"HostConfig":{"CapAdd":"NET_ADMIN","CapDrop":["ALL"]}}`, "", func(q api.CreateRequest) bool {
			return len(q.HostConfig.CapAdd) == 1 && q.HostConfig.CapAdd[0] == "NET_ADMIN" && q.HostConfig.CapDrop[0] == "ALL"
		}},
		{`{"HostConfig":null}`, "", func(q api.CreateRequest) bool { return q.HostConfig == nil }},
		{`{"HostConfig":{"Ulimits":[null,{"Name":"nofile","Soft":1,"Hard":2}],"BlkioDeviceReadBps":[null]}}`, "",
			func(q api.CreateRequest) bool {
				return len(q.HostConfig.Ulimits) == 1 && len(q.HostConfig.BlkioDeviceReadBps) == 0
			}},
		{`{"HostConfig":{"PortBindings":{"80/tcp":[{"HostIp":"","HostPort":"8080"}]}}}`, "", func(q api.CreateRequest) bool {
			return len(q.HostConfig.PortBindings) == 1
		}},
		{`{"NetworkingConfig":{"EndpointsConfig":{"n":{"IPAddress":"","Gateway":"","MacAddress":""}}}}`, "",
			func(q api.CreateRequest) bool { return q.NetworkingConfig.EndpointsConfig["n"] != nil }},
		{`{"HostConfig":{"Memory":9007199254740993,"PortBindings":{"80/tcp":[{"HostIp":""}]}}}`, "",
			func(q api.CreateRequest) bool { return q.HostConfig.Memory == 9007199254740993 }},
		{`{"Unknown":{"a":[1]}}`, "", func(api.CreateRequest) bool { return true }},
		{``, "got EOF while reading request body", nil},
		{" \n", "got EOF while reading request body", nil},
		{`{"Cmd":5}`, "invalid JSON", nil},
		{`{"Cmd":[5]}`, "invalid JSON", nil},
		{`{"Cmd":`, "invalid JSON", nil},
		{`[]`, "invalid JSON", nil},
		{`"x"`, "invalid JSON", nil},
		{`{"HostConfig":{"Memory":1.5}}`, "invalid JSON", nil},
		{`{"HostConfig":{"Memory":99999999999999999999}}`, "invalid JSON", nil},
		{`{"HostConfig":{"PortBindings":{"x/tcp":null}}}`, `invalid port specification: "x"`, nil},
		{`{"HostConfig":{"PortBindings":{"70000":null}}}`, `invalid port specification: "70000"`, nil},
	} {
		q, err := DecodeCreate(json.RawMessage(row.body))
		switch {
		case row.check == nil:
			if !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), row.says) {
				t.Errorf("%s: %v, want %q", row.body, err, row.says)
			}
		case err != nil || !row.check(q):
			t.Errorf("%s: %+v %v", row.body, q, err)
		}
	}
}

func TestVersions(t *testing.T) {
	for _, row := range []struct {
		text, lowest string
		want         Version
		says         string
	}{
		{"", Min, 56, ""}, {"1.22", Min, 22, ""}, {"1.56", Min, 56, ""}, {"1.44", "1.44", 44, ""},
		{"1.57", Min, 0, "client version 1.57 is too new. Maximum supported API version is 1.56"},
		{"1.21", Min, 0, "client version 1.21 is too old. Minimum supported API version is 1.22, please upgrade your client"},
		{"1.43", "1.44", 0, "is too old. Minimum supported API version is 1.44"},
		{"2.0", Min, 0, "too new"}, {"0.9", Min, 0, "too old"}, {"1", Min, 0, ""}, {"1.x", Min, 0, ""}, {"x.44", Min, 0, ""},
		{"1.-4", Min, 0, ""}, {"1.44.1", Min, 0, ""}, {"1.99999999999999999999", Min, 0, ""}, {".", Min, 0, ""},
	} {
		v, err := OfPath(row.text, row.lowest)
		if v != row.want || (row.want == 0) != errdefs.IsInvalidArgument(err) ||
			err != nil && !strings.Contains(err.Error(), row.says) {
			t.Errorf("%q from %s: %d %v", row.text, row.lowest, v, err)
		}
	}
	for text, ok := range map[string]bool{"1.22": true, "1.56": true, "1.21": false, "1.57": false, "x": false,
		"": false} {
		if err := CheckLowest(text); (err == nil) != ok || err != nil &&
			!strings.HasPrefix(err.Error(), "DOCKER_MIN_API_VERSION: ") {
			t.Errorf("at least %q: %v", text, err)
		}
	}
	ctx := context.Background()
	if Of(ctx) != 0 || Of(With(ctx, 44)) != 44 {
		t.Error("the version of a request is lost")
	}
}
