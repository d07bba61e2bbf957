package request

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	api "github.com/moby/moby/api/types/container"
)

// completed is a request of JSON bodies through Check and Complete on a host whose kernel can everything.
func completed(t *testing.T, name, config, host string, change func(*Daemon)) (*Create, []string, error) {
	t.Helper()
	q := &Create{Name: name, Config: &api.Config{}, Host: &api.HostConfig{}}
	for text, into := range map[string]any{config: q.Config, host: q.Host} {
		if text == "" {
			continue
		}
		if err := json.Unmarshal([]byte(text), into); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	d := Daemon{Limits: able(), Log: api.LogConfig{Type: "json-file"},
		Defaults: Defaults{Runtime: "box", ShmSize: 64 << 20, IpcMode: "private", CgroupnsMode: "private"}}
	if change != nil {
		change(&d)
	}
	if err := q.Check(); err != nil {
		return q, nil, err
	}
	warnings, err := d.Complete(q, &dockerspec.DockerOCIImageConfig{})
	return q, warnings, err
}

// TestCompleteRefuses holds Docker's words for what no container may be.
func TestCompleteRefuses(t *testing.T) {
	remap := func(d *Daemon) { d.Remaps = true }
	for _, row := range []struct {
		name, config, host string
		change             func(*Daemon)
		text               string
	}{
		{name: "/", text: "Invalid container name (/), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed"},
		{name: "a b", text: "Invalid container name (a b), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed"},
		{config: `{"WorkingDir":"x"}`, text: "the working directory 'x' is invalid, it needs to be an absolute path"},
		{config: `{"Env":[""]}`, text: "invalid environment variable: "},
		{config: `{"Env":["A=1","=x"]}`, text: "invalid environment variable: =x"},
		{config: `{"StopSignal":"SIGODD"}`, text: "Invalid signal: SIGODD"},
		{config: `{"Healthcheck":{"Interval":1}}`, text: "Interval in Healthcheck cannot be less than 1ms"},
		{host: `{"AutoRemove":true,"RestartPolicy":{"Name":"always"}}`,
			text: "can't create 'AutoRemove' container with restart policy"},
		{host: `{"PidMode":"odd"}`, text: "invalid PID mode: odd"},
		{host: `{"IpcMode":"odd"}`, text: "invalid IPC mode: odd"},
		{host: `{"UTSMode":"odd"}`, text: "invalid UTS mode: odd"},
		{host: `{"CgroupnsMode":"odd"}`, text: "invalid cgroup namespace mode: odd"},
		{host: `{"UsernsMode":"odd"}`, text: "invalid userns mode: odd"},
		{host: `{"ShmSize":-1}`, text: "SHM size can not be less than 0"},
		{host: `{"OomScoreAdj":1001}`, text: "Invalid value 1001, range for oom score adj is [-1000, 1000]"},
		{host: `{"Isolation":"hyperv"}`, text: "invalid isolation (hyperv): linux only supports 'default'"},
		{host: `{"Runtime":"odd"}`, text: "unknown or invalid runtime name: odd"},
		{host: `{"PortBindings":{"80/tcp":[{"HostPort":"x"}]}}`, text: `invalid port specification: "x"`},
		{host: `{"LogConfig":{"Type":"odd"}}`, text: "error looking up logging plugin odd: plugin \"odd\" not found"},
		{host: `{"CapAdd":["ODD"]}`, text: `invalid CapAdd: unknown capability: "CAP_ODD"`},
		{host: `{"NetworkMode":"container:"}`, text: "invalid network mode: invalid container format container:<name|id>"},
		{config: `{"Hostname":"h"}`, host: `{"UTSMode":"host"}`, text: "conflicting options: hostname and the UTS mode"},
		{host: `{"SecurityOpt":["writable-cgroups=true"],"CgroupnsMode":"host"}`,
			text: `conflicting options: writable-cgroups=true and the cgroup namespace mode "host": it needs --cgroupns private`},
		{host: `{"Privileged":true}`, change: remap,
			text: "privileged mode is incompatible with user namespaces.  You must run the container in the host namespace " +
				"when running privileged mode"},
		{host: `{"NetworkMode":"host"}`, change: remap,
			text: "cannot share the host's network namespace when user namespaces are enabled"},
		{host: `{"PidMode":"host"}`, change: remap,
			text: "cannot share the host PID namespace when user namespaces are enabled"},
		{host: `{"SecurityOpt":["writable-cgroups=false"]}`, change: remap,
			text: "conflicting options: writable-cgroups and user namespaces"},
	} {
		_, _, err := completed(t, row.name, row.config, row.host, row.change)
		if !errdefs.IsInvalidArgument(err) || strings.TrimSpace(err.Error()) != strings.TrimSpace(row.text) {
			t.Errorf("%s %s %s: %v", row.name, row.config, row.host, err)
		}
	}
}

// TestCompleteFills: what a request leaves open is the daemon's, what it says stays.
func TestCompleteFills(t *testing.T) {
	daemon := func(d *Daemon) {
		d.Defaults.Ulimits = []*api.Ulimit{{Name: "nofile", Soft: 1, Hard: 2}, {Name: "core", Soft: 3, Hard: 4}}
		d.Log = api.LogConfig{Type: "json-file", Config: map[string]string{"max-size": "1m"}}
	}
	q, warnings, err := completed(t, "/web", `{"WorkingDir":"/a/../b"}`,
		`{"Ulimits":[{"Name":"core","Soft":9,"Hard":9}],"Memory":10000000,"PidsLimit":0}`, daemon)
	if err != nil || len(warnings) > 0 {
		t.Fatal(warnings, err)
	}
	h := q.Host
	var limits []string
	for _, u := range h.Ulimits {
		limits = append(limits, u.String())
	}
	for name, row := range map[string][2]any{
		"name": {q.Name, "web"}, "folder": {q.Config.WorkingDir, "/b"}, "shm": {h.ShmSize, int64(64 << 20)},
		"ipc":      {h.IpcMode, api.IpcMode("private")},
		"cgroupns": {h.CgroupnsMode, api.CgroupnsMode("private")},
		"restart":  {h.RestartPolicy.Name, api.RestartPolicyMode("no")},
		"swap":     {h.MemorySwap, int64(20000000)}, "pids": {h.PidsLimit == nil, true},
		"log":         {h.LogConfig.Type, "json-file"},
		"log options": {h.LogConfig.Config["max-size"], "1m"}, "limits": {strings.Join(limits, " "), "core=9:9 nofile=1:2"},
		"masked": {slices.Contains(h.MaskedPaths, "/proc/kcore"), true},
	} {
		if row[0] != row[1] {
			t.Errorf("%s: %v, want %v", name, row[0], row[1])
		}
	}
	q, _, err = completed(t, "", "", `{"Privileged":true,"IpcMode":"host","LogConfig":{"Type":"local"}}`, daemon)
	if err != nil || q.Host.CgroupnsMode != "host" || q.Host.IpcMode != "host" || len(q.Host.MaskedPaths) > 0 ||
		q.Host.MaskedPaths == nil ||
		q.Host.LogConfig.Config["max-size"] != "" {
		t.Errorf("%+v %v", q.Host, err)
	}
}

// TestCheckMissing: a request without a configuration is refused, one without a host's gets an empty one.
func TestCheckMissing(t *testing.T) {
	if err := (&Create{}).Check(); !errdefs.IsInvalidArgument(err) {
		t.Error(err)
	}
	q := Create{Config: &api.Config{}}
	if err := q.Check(); err != nil || q.Host == nil {
		t.Error(err)
	}
}
