package run_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"box/personalities/cmd"
	"box/personalities/docker"
	"box/personalities/docker/clienttest"
	"box/personalities/docker/run"
)

// createRow is a flag, how it is typed, and what must be in the request: a dotted path and its JSON.
type createRow struct {
	flag string
	args []string
	path string
	want string
}

func createRows(t *testing.T) []createRow {
	env := clienttest.WriteFile(t, "env", "\uFEFFA=1\n# no\n\n  FOO\nNOPE\nB=x y\n")
	labels := clienttest.WriteFile(t, "labels", "a=1\nbare\n")
	seccomp := clienttest.WriteFile(t, "seccomp.json", `{ "defaultAction" : "SCMP_ACT_ALLOW" }`)
	return []createRow{
		{"add-host", []string{"--add-host", "a:1.2.3.4", "--add-host=b=::1", "--add-host", "c:host-gateway"},
			"HostConfig.ExtraHosts", `["a:1.2.3.4","b:::1","c:host-gateway"]`},
		{"annotation", []string{"--annotation", "a=b"}, "HostConfig.Annotations", `{"a":"b"}`},
		{"attach", []string{"-a", "stdin"}, "AttachStdin", `true`},
		{"attach", []string{"-a", "stdin"}, "AttachStdout", `false`},
		{"blkio-weight", []string{"--blkio-weight", "100"}, "HostConfig.BlkioWeight", `100`},
		{"blkio-weight-device", []string{"--blkio-weight-device", "/dev/x:200"}, "HostConfig.BlkioWeightDevice",
			`[{"Path":"/dev/x","Weight":200}]`},
		{"cap-add", []string{"--cap-add", "net_admin"}, "HostConfig.CapAdd", `["CAP_NET_ADMIN"]`},
		{"cap-drop", []string{"--cap-drop", "all"}, "HostConfig.CapDrop", `["ALL"]`},
		{"cgroup-parent", []string{"--cgroup-parent", "p"}, "HostConfig.CgroupParent", `"p"`},
		{"cgroupns", []string{"--cgroupns", "private"}, "HostConfig.CgroupnsMode", `"private"`},
		{"cpu-count", []string{"--cpu-count", "2"}, "HostConfig.CpuCount", `2`},
		{"cpu-percent", []string{"--cpu-percent", "3"}, "HostConfig.CpuPercent", `3`},
		{"cpu-period", []string{"--cpu-period", "5"}, "HostConfig.CpuPeriod", `5`},
		{"cpu-quota", []string{"--cpu-quota", "6"}, "HostConfig.CpuQuota", `6`},
		{"cpu-rt-period", []string{"--cpu-rt-period", "7"}, "HostConfig.CpuRealtimePeriod", `7`},
		{"cpu-rt-runtime", []string{"--cpu-rt-runtime", "8"}, "HostConfig.CpuRealtimeRuntime", `8`},
		{"cpu-shares", []string{"-c", "9"}, "HostConfig.CpuShares", `9`},
		{"cpus", []string{"--cpus", "1.5"}, "HostConfig.NanoCpus", `1500000000`},
		{"cpuset-cpus", []string{"--cpuset-cpus", "0-1"}, "HostConfig.CpusetCpus", `"0-1"`},
		{"cpuset-mems", []string{"--cpuset-mems", "0"}, "HostConfig.CpusetMems", `"0"`},
		{"device", []string{"--device", "/dev/a", "--device", "/dev/b:/dev/c:r", "--device", "/dev/d:rw"},
			"HostConfig.Devices",
			`[{"PathOnHost":"/dev/a","PathInContainer":"/dev/a","CgroupPermissions":"rwm"},{"PathOnHost":"/dev/b","PathInContainer":"/dev/c","CgroupPermissions":"r"},{"PathOnHost":"/dev/d","PathInContainer":"/dev/d","CgroupPermissions":"rw"}]`},
		{"device-cgroup-rule", []string{"--device-cgroup-rule", "c 1:* rwm"}, "HostConfig.DeviceCgroupRules",
			`["c 1:* rwm"]`},
		{"device-read-bps", []string{"--device-read-bps", "/dev/x:1mb"}, "HostConfig.BlkioDeviceReadBps",
			`[{"Path":"/dev/x","Rate":1048576}]`},
		{"device-write-bps", []string{"--device-write-bps", "/dev/x:2"}, "HostConfig.BlkioDeviceWriteBps",
			`[{"Path":"/dev/x","Rate":2}]`},
		{"device-read-iops", []string{"--device-read-iops", "/dev/x:3"}, "HostConfig.BlkioDeviceReadIOps",
			`[{"Path":"/dev/x","Rate":3}]`},
		{"device-write-iops", []string{"--device-write-iops", "/dev/x:4"}, "HostConfig.BlkioDeviceWriteIOps",
			`[{"Path":"/dev/x","Rate":4}]`},
		{"dns", []string{"--dns", "8.8.8.8"}, "HostConfig.Dns", `["8.8.8.8"]`},
		{"dns-option", []string{"--dns-option", "ndots:1"}, "HostConfig.DnsOptions", `["ndots:1"]`},
		{"dns-opt", []string{"--dns-opt", "ndots:1"}, "HostConfig.DnsOptions", `["ndots:1"]`},
		{"dns-search", []string{"--dns-search", "x.y"}, "HostConfig.DnsSearch", `["x.y"]`},
		{"domainname", []string{"--domainname", "d"}, "Domainname", `"d"`},
		{"entrypoint", []string{"--entrypoint", "/e"}, "Entrypoint", `["/e"]`},
		{"entrypoint", []string{"--entrypoint", ""}, "Entrypoint", `[""]`},
		{"env", []string{"-e", "A=a,b", "-e", "FOO", "-e", "NOT_SET_HERE"}, "Env", `["A=a,b","FOO=bar","NOT_SET_HERE"]`},
		{"env-file", []string{"--env-file", env, "-e", "Z=1"}, "Env", `["A=1","FOO=bar","B=x y","Z=1"]`},
		{"expose", []string{"--expose", "80", "--expose", "90-91/udp"}, "ExposedPorts",
			`{"80/tcp":{},"90/udp":{},"91/udp":{}}`},
		{"gpus", []string{"--gpus", "all"}, "HostConfig.DeviceRequests",
			`[{"Driver":"","Count":-1,"DeviceIDs":null,"Capabilities":[["gpu"]],"Options":{}}]`},
		{"group-add", []string{"--group-add", "5"}, "HostConfig.GroupAdd", `["5"]`},
		{"health-cmd", []string{"--health-cmd", "x y"}, "Healthcheck.Test", `["CMD-SHELL","x y"]`},
		{"health-interval", []string{"--health-interval", "5s"}, "Healthcheck.Interval", `5000000000`},
		{"health-timeout", []string{"--health-timeout", "1s"}, "Healthcheck.Timeout", `1000000000`},
		{"health-start-period", []string{"--health-start-period", "2s"}, "Healthcheck.StartPeriod", `2000000000`},
		{"health-start-interval", []string{"--health-start-interval", "3s"}, "Healthcheck.StartInterval", `3000000000`},
		{"health-retries", []string{"--health-retries", "4"}, "Healthcheck.Retries", `4`},
		{"no-healthcheck", []string{"--no-healthcheck"}, "Healthcheck.Test", `["NONE"]`},
		{"hostname", []string{"-h", "h"}, "Hostname", `"h"`},
		{"init", []string{"--init"}, "HostConfig.Init", `true`},
		{"init", []string{"--init=false"}, "HostConfig.Init", `false`},
		{"interactive", []string{"-i"}, "OpenStdin", `true`},
		{"interactive", []string{"-i"}, "StdinOnce", `true`},
		{"io-maxbandwidth", []string{"--io-maxbandwidth", "5"}, "HostConfig.IOMaximumBandwidth", `5`},
		{"io-maxiops", []string{"--io-maxiops", "6"}, "HostConfig.IOMaximumIOps", `6`},
		{"ip", []string{"--network", "n", "--ip", "10.0.0.2"}, "NetworkingConfig.EndpointsConfig.n.IPAMConfig.IPv4Address",
			`"10.0.0.2"`},
		{"ip6", []string{"--network", "n", "--ip6", "fd00::2"}, "NetworkingConfig.EndpointsConfig.n.IPAMConfig.IPv6Address",
			`"fd00::2"`},
		{"ipc", []string{"--ipc", "host"}, "HostConfig.IpcMode", `"host"`},
		{"isolation", []string{"--isolation", "x"}, "HostConfig.Isolation", `"x"`},
		{"label", []string{"-l", "a=b", "--label", "c"}, "Labels", `{"a":"b","c":""}`},
		{"label-file", []string{"--label-file", labels, "-l", "a=2"}, "Labels", `{"a":"2","bare":""}`},
		{"link", []string{"--link", "a:b"}, "HostConfig.Links", `["a:b"]`},
		{"link-local-ip", []string{"--network", "n", "--link-local-ip", "169.254.1.1"},
			"NetworkingConfig.EndpointsConfig.n.IPAMConfig.LinkLocalIPs", `["169.254.1.1"]`},
		{"log-driver", []string{"--log-driver", "local"}, "HostConfig.LogConfig.Type", `"local"`},
		{"log-opt", []string{"--log-opt", "a=b"}, "HostConfig.LogConfig.Config", `{"a":"b"}`},
		{"mac-address", []string{"--network", "n", "--mac-address", "02:42:ac:11:00:02"},
			"NetworkingConfig.EndpointsConfig.n.MacAddress", `"02:42:ac:11:00:02"`},
		{"memory", []string{"-m", "512m"}, "HostConfig.Memory", `536870912`},
		{"memory-reservation", []string{"--memory-reservation", "1g"}, "HostConfig.MemoryReservation", `1073741824`},
		{"memory-swap", []string{"--memory-swap", "-1"}, "HostConfig.MemorySwap", `-1`},
		{"memory-swappiness", []string{"--memory-swappiness", "5"}, "HostConfig.MemorySwappiness", `5`},
		{"mount", []string{"--mount", "type=bind,src=/a,dst=/b,ro"}, "HostConfig.Mounts",
			`[{"Type":"bind","Source":"/a","Target":"/b","ReadOnly":true}]`},
		{"network", []string{"--network", "host"}, "HostConfig.NetworkMode", `"host"`},
		{"net", []string{"--net", "n"}, "HostConfig.NetworkMode", `"n"`},
		{"network-alias", []string{"--network", "n", "--network-alias", "a"}, "NetworkingConfig.EndpointsConfig.n.Aliases",
			`["a"]`},
		{"net-alias", []string{"--network", "n", "--net-alias", "a"}, "NetworkingConfig.EndpointsConfig.n.Aliases", `["a"]`},
		{"oom-kill-disable", []string{"--oom-kill-disable"}, "HostConfig.OomKillDisable", `true`},
		{"oom-score-adj", []string{"--oom-score-adj", "-5"}, "HostConfig.OomScoreAdj", `-5`},
		{"pid", []string{"--pid", "host"}, "HostConfig.PidMode", `"host"`},
		{"pids-limit", []string{"--pids-limit", "-1"}, "HostConfig.PidsLimit", `-1`},
		{"privileged", []string{"--privileged"}, "HostConfig.Privileged", `true`},
		{"publish", []string{"-p", "127.0.0.1:8080:80", "-p", "53:53/udp", "-p", "[::1]::81"},
			"HostConfig.PortBindings",
			`{"80/tcp":[{"HostIp":"127.0.0.1","HostPort":"8080"}],"53/udp":[{"HostIp":"","HostPort":"53"}],"81/tcp":[{"HostIp":"::1","HostPort":""}]}`},
		{"publish", []string{"-p", "8000-8001:80-81"}, "HostConfig.PortBindings",
			`{"80/tcp":[{"HostIp":"","HostPort":"8000"}],"81/tcp":[{"HostIp":"","HostPort":"8001"}]}`},
		{"publish", []string{"-p", "8000-8010:80"}, "HostConfig.PortBindings",
			`{"80/tcp":[{"HostIp":"","HostPort":"8000-8010"}]}`},
		{"publish", []string{"-p", "target=80,published=8080,protocol=udp"}, "HostConfig.PortBindings",
			`{"80/udp":[{"HostIp":"","HostPort":"8080"}]}`},
		{"publish-all", []string{"-P"}, "HostConfig.PublishAllPorts", `true`},
		{"read-only", []string{"--read-only"}, "HostConfig.ReadonlyRootfs", `true`},
		{"restart", []string{"--restart", "on-failure:3"}, "HostConfig.RestartPolicy",
			`{"Name":"on-failure","MaximumRetryCount":3}`},
		{"rm", []string{"--rm"}, "HostConfig.AutoRemove", `true`},
		{"runtime", []string{"--runtime", "r"}, "HostConfig.Runtime", `"r"`},
		{"security-opt", []string{"--security-opt", "no-new-privileges", "--security-opt", "seccomp=" + seccomp},
			"HostConfig.SecurityOpt",
			`["no-new-privileges","seccomp={\"defaultAction\":\"SCMP_ACT_ALLOW\"}"]`},
		{"security-opt", []string{"--security-opt", "systempaths=unconfined"}, "HostConfig.MaskedPaths", `[]`},
		{"shm-size", []string{"--shm-size", "64m"}, "HostConfig.ShmSize", `67108864`},
		{"stop-signal", []string{"--stop-signal", "INT"}, "StopSignal", `"INT"`},
		{"stop-timeout", []string{"--stop-timeout", "0"}, "StopTimeout", `0`},
		{"storage-opt", []string{"--storage-opt", "size=1g"}, "HostConfig.StorageOpt", `{"size":"1g"}`},
		{"sysctl", []string{"--sysctl", "net.core.somaxconn=5"}, "HostConfig.Sysctls", `{"net.core.somaxconn":"5"}`},
		{"tmpfs", []string{"--tmpfs", "/t", "--tmpfs", "/u:size=1m"}, "HostConfig.Tmpfs", `{"/t":"","/u":"size=1m"}`},
		{"tty", []string{"-t"}, "Tty", `true`},
		{"ulimit", []string{"--ulimit", "nofile=1:2"}, "HostConfig.Ulimits", `[{"Name":"nofile","Hard":2,"Soft":1}]`},
		{"user", []string{"-u", "1:2"}, "User", `"1:2"`},
		{"userns", []string{"--userns", "host"}, "HostConfig.UsernsMode", `"host"`},
		{"uts", []string{"--uts", "host"}, "HostConfig.UTSMode", `"host"`},
		{"volume", []string{"-v", "/a:/b", "-v", "n:/c:ro", "-v", "/anon"}, "HostConfig.Binds", `["/a:/b","n:/c:ro"]`},
		{"volume", []string{"-v", "/a:/b", "-v", "/anon"}, "Volumes", `{"/anon":{}}`},
		{"volume-driver", []string{"--volume-driver", "d"}, "HostConfig.VolumeDriver", `"d"`},
		{"volumes-from", []string{"--volumes-from", "a:ro"}, "HostConfig.VolumesFrom", `["a:ro"]`},
		{"workdir", []string{"-w", "/w"}, "WorkingDir", `"/w"`},
	}
}

// elsewhere is the flags whose work is not in the body; tests beside this one have them.
func elsewhere() []string {
	return []string{"cidfile", "detach", "detach-keys", "disable-content-trust", "kernel-memory", "name", "platform",
		"pull", "quiet", "sig-proxy", "use-api-socket"}
}

// Every flag of `docker run` has a row, and every row's flag reaches the daemon as it should.
func TestCreateFlags(t *testing.T) {
	f := clienttest.New(t, docker.Main,
		map[string]http.HandlerFunc{"POST /containers/create": clienttest.Reply(`{"Id":"x"}`)})
	covered := elsewhere()
	for _, row := range createRows(t) {
		covered = append(covered, row.flag)
		r := f.Docker(t, "", append(append([]string{"create"}, row.args...), "img", "cmd", "-x")...)
		if r.Code != 0 || r.Out != "x\n" {
			t.Errorf("%q: %+v", row.args, r)
			continue
		}
		var want any
		if err := json.Unmarshal([]byte(row.want), &want); err != nil {
			t.Fatalf("%s: %v", row.want, err)
		}
		got := clienttest.At(clienttest.Decoded(t, f.Bodies["POST /containers/create"]), strings.Split(row.path, ".")...)
		a, _ := json.Marshal(got)
		b, _ := json.Marshal(want)
		if string(a) != string(b) {
			t.Errorf("%q: %s is %s, want %s", row.args, row.path, a, b)
		}
	}
	u := &cmd.Usage{Options: &run.Run{}}
	for _, flag := range u.Flags() {
		if !slices.Contains(covered, flag.Name) {
			t.Errorf("--%s has no row", flag.Name)
		}
	}
}

func TestCreateQuery(t *testing.T) {
	f := clienttest.New(t, docker.Main,
		map[string]http.HandlerFunc{"POST /containers/create": clienttest.Reply(`{"Id":"x","Warnings":["mind the gap"]}`)})
	r := f.Docker(t, "", "create", "--name", "n", "--platform", "linux/arm64", "img")
	if got := f.Seen[0]; got != "POST /containers/create?name=n&platform=linux%2Farm64" {
		t.Error(got)
	}
	if r.Stderr != "WARNING: mind the gap\n" {
		t.Errorf("%+v", r)
	}
}

func TestRelativeSources(t *testing.T) {
	f := clienttest.New(t, docker.Main,
		map[string]http.HandlerFunc{"POST /containers/create": clienttest.Reply(`{"Id":"x"}`)})
	home := t.TempDir()
	clienttest.In(t, docker.Main, home, f.Host, "", "create", "-v", "./a:/b", "-v", ".:/c", "--mount",
		"type=bind,src=../d,dst=/e", "img")
	body := clienttest.Decoded(t, f.Bodies["POST /containers/create"])
	binds, _ := json.Marshal(clienttest.At(body, "HostConfig", "Binds"))
	if want := `["` + home + `/a:/b","` + home + `:/c"]`; string(binds) != want {
		t.Errorf("binds %s, want %s", binds, want)
	}
	mounts, _ := json.Marshal(clienttest.At(body, "HostConfig", "Mounts"))
	if !strings.Contains(string(mounts), `"Source":"`+filepath.Dir(home)+`/d"`) {
		t.Errorf("mounts %s", mounts)
	}
}

func TestIDFile(t *testing.T) {
	f := clienttest.New(t, docker.Main,
		map[string]http.HandlerFunc{"POST /containers/create": clienttest.Reply(`{"Id":"abc"}`)})
	home := t.TempDir()
	if r := clienttest.In(t, docker.Main, home, f.Host, "", "create", "--cidfile", "id", "img"); r.Code != 0 {
		t.Fatalf("%+v", r)
	}
	if raw, err := os.ReadFile(filepath.Join(home, "id")); string(raw) != "abc" || err != nil {
		t.Errorf("%q, %v", raw, err)
	}
	asked := len(f.Seen)
	r := clienttest.In(t, docker.Main, home, f.Host, "", "create", "--cidfile", "id", "img")
	if r.Code == 0 || !strings.Contains(r.Stderr, "container ID file found") || len(f.Seen) != asked {
		t.Errorf("a file that is there: %+v, %d requests", r, len(f.Seen)-asked)
	}
}

// TestLabelsRefused: a label has a name, whatever it is put on.
func TestLabelsRefused(t *testing.T) {
	f := clienttest.New(t, docker.Main, nil)
	for _, args := range []string{"network create --label =x n", "volume create --label =x v", "create --label =x img",
		"run --label =x img"} {
		r := f.Docker(t, "", strings.Fields(args)...)
		if r.Code != 125 || !strings.Contains(r.Stderr, "invalid label '=x': empty name") || len(f.Seen) > 0 {
			t.Errorf("%s: %+v, asked %q", args, r, f.Seen)
		}
	}
}

func TestCreateRefuses(t *testing.T) {
	f := clienttest.New(t, docker.Main, nil)
	for _, row := range []struct{ args, want string }{
		{"-m abc img", `invalid argument "abc" for "-m, --memory" flag: invalid size: 'abc'`},
		{"--cpus zz img", `failed to parse zz as a rational number`},
		{"--cpus .0000000001 img", `value is too precise`},
		{"-a foo img", `invalid argument "foo" for "-a, --attach" flag: valid streams are STDIN, STDOUT and STDERR`},
		{"-e =x img", `invalid environment variable: =x`},
		{"-l =x img", `invalid label '=x': empty name`},
		{"--env-file nope img", `docker: open nope: no such file or directory`},
		{"-p abc img", `docker: invalid containerPort: abc`},
		{"-v data: img", `docker: invalid spec: data:: empty section between colons`},
		{"-v :/x img", `docker: invalid spec: :/x: empty section between colons`},
		{"-v data::/x img", `docker: invalid spec: data::/x: empty section between colons`},
		{"-v /a:/b:/c:/d img", `docker: invalid spec: /a:/b:/c:/d: too many colons`},
		{"-p x:80 img", `docker: invalid hostPort: x`},
		{"-p 80/foo img", `docker: invalid proto: foo`},
		{"-p 1.2.3:80:80 img", `docker: invalid IP address: 1.2.3`},
		{"-p 80-82:90-91 img", `docker: invalid ranges specified for container and host Ports: 90-91 and 80-82`},
		{"-p 99999:80 img", `docker: invalid hostPort: 99999`},
		{"--restart :3 img", `invalid restart policy format: no policy provided before colon`},
		{"--restart on-failure:x img", `maximum retry count must be an integer`},
		{"--rm --restart always img", `conflicting options: cannot specify both --restart and --rm`},
		{"--mount foo img", `invalid field 'foo' must be a key=value pair`},
		{"--mount type=bind,src=/a img", `target is required`},
		{"--mount src=/a,dst=/b,tmpfs-size=1m img", `cannot mix 'tmpfs-*' options with mount type 'volume'`},
		{"--ulimit foo=1 img", `invalid ulimit type: foo`},
		{"--sysctl a=b img", `sysctl 'a=b' is not allowed`},
		{"--dns zz img", `IP address is not correctly formatted: zz`},
		{"--device /dev/x:/dev/y:z img", `bad mode specified: z`},
		{"--no-healthcheck --health-cmd x img", `--no-healthcheck conflicts with --health-* options`},
		{"--network a --network a img", `network "a" is specified multiple times`},
		{"--pull zz img", `invalid pull option: 'zz'`},
		{"--memory-swappiness 500 img", `Valid memory swappiness range is 0-100`},
		{"--disable-content-trust=false img", `does not check image signatures`},
		{"IMG", `repository name (library/IMG) must be lowercase`},
	} {
		r := f.Docker(t, "", append([]string{"run"}, strings.Fields(row.args)...)...)
		if r.Code != 125 || !strings.Contains(r.Stderr, row.want) ||
			!strings.Contains(r.Stderr, "Run 'docker run --help' for more information") {
			t.Errorf("%s: %+v", row.args, r)
		}
	}
	if len(f.Seen) != 0 {
		t.Errorf("the daemon was asked %q", f.Seen)
	}
}
