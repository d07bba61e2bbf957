package dockerd

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"box/certs"
	"box/personalities/cmd"
)

// outcome is what box does with an option of Docker's: an example that works, or one that is refused with a reason.
type outcome struct {
	args   string // the example, words between spaces
	json   string // the same as daemon.json says it, "" where there is no key
	reason string // a part of the refusal; "" for one that works
	note   string // a part of what is said about one that works and does nothing
}

// outcomes has a line for every row of testdata/flags.tsv, by flag, or by key where there is no flag.
var outcomes = map[string]outcome{
	"--add-runtime": {"--add-runtime x=/x", `{"runtimes":{"x":{"path":"/x"}}}`,
		"the runtimes box and runc are built in", ""},
	"--allow-direct-routing": {"--allow-direct-routing", `{"allow-direct-routing":true}`,
		"published ports alone", ""},
	"--allow-nondistributable-artifacts": {"--allow-nondistributable-artifacts x",
		`{"allow-nondistributable-artifacts":["x"]}`, "", "deprecated"},
	"--api-cors-header": {"--api-cors-header *", `{"api-cors-header":"*"}`,
		"have been removed; use a reverse proxy", ""},
	"--authorization-plugin": {"--authorization-plugin x", `{"authorization-plugins":["x"]}`, "", ""},
	"--bip":                  {"--bip 10.9.0.1/24", `{"bip":"10.9.0.1/24"}`, "", ""},
	"--bip6":                 {"--bip6 fd00::1/64", `{"bip6":"fd00::1/64"}`, "only IPv4", ""},
	"--bridge":               {"-b none", `{"bridge":"none"}`, "", ""},
	"--bridge-accept-fwmark": {"--bridge-accept-fwmark 1", `{"bridge-accept-fwmark":"1"}`,
		"do not look at marks", ""},
	"--cdi-spec-dir":  {"--cdi-spec-dir /x", `{"cdi-spec-dirs":["/x"]}`, "no CDI devices", ""},
	"--cgroup-parent": {"--cgroup-parent /x", `{"cgroup-parent":"/x"}`, "", ""},
	"--config-file":   {"--config-file CONFIG", "", "", ""},
	"--containerd": {"--containerd /run/x.sock", `{"containerd":"/run/x.sock"}`, "",
		"needs no containerd"},
	"--containerd-namespace": {"--containerd-namespace x", `{"containerd-namespace":"x"}`, "",
		"needs no containerd"},
	"--containerd-plugins-namespace": {"--containerd-plugins-namespace x", `{"containerd-plugin-namespace":"x"}`, "",
		"needs no containerd"},
	"--cpu-rt-period":  {"--cpu-rt-period 5", `{"cpu-rt-period":5}`, "cpu.rt_runtime_us", ""},
	"--cpu-rt-runtime": {"--cpu-rt-runtime 5", `{"cpu-rt-runtime":5}`, "cpu.rt_runtime_us", ""},
	"--cri-containerd": {"--cri-containerd", `{"cri-containerd":true}`, "no containerd", ""},
	"--data-root":      {"--data-root /x", `{"data-root":"/x"}`, "", ""},
	"--debug":          {"-D", `{"debug":true}`, "", ""},
	"--default-address-pool": {"--default-address-pool base=10.0.0.0/8,size=24",
		`{"default-address-pools":[{"base":"10.0.0.0/8","size":24}]}`, "", ""},
	"--default-cgroupns-mode": {"--default-cgroupns-mode private", `{"default-cgroupns-mode":"private"}`, "",
		""},
	"--default-gateway": {"--default-gateway 10.9.0.2 --bip 10.9.0.1/24",
		`{"default-gateway":"10.9.0.2"}`, "", ""},
	"--default-gateway-v6": {"--default-gateway-v6 fd00::2", `{"default-gateway-v6":"fd00::2"}`,
		"only IPv4", ""},
	"--default-ipc-mode": {"--default-ipc-mode shareable", `{"default-ipc-mode":"shareable"}`, "", ""},
	"--default-network-opt": {"--default-network-opt bridge=x=y",
		`{"default-network-opts":{"bridge":{"x":"y"}}}`, "only the default bridge", ""},
	"--default-runtime":      {"--default-runtime runc", `{"default-runtime":"runc"}`, "", ""},
	"--default-shm-size":     {"--default-shm-size 8m", `{"default-shm-size":"8m"}`, "", ""},
	"--default-stop-timeout": {"--default-stop-timeout 3", `{"default-stop-timeout":3}`, "", ""},
	"--default-ulimit": {"--default-ulimit nofile=5:6",
		`{"default-ulimits":{"nofile":{"Name":"nofile","Hard":6,"Soft":5}}}`, "", ""},
	"--dns":        {"--dns 10.0.0.1", `{"dns":["10.0.0.1"]}`, "", ""},
	"--dns-opt":    {"--dns-opt ndots:1", `{"dns-opts":["ndots:1"]}`, "", ""},
	"--dns-search": {"--dns-search x.y", `{"dns-search":["x.y"]}`, "", ""},
	"--exec-opt": {"--exec-opt native.cgroupdriver=systemd",
		`{"exec-opts":["native.cgroupdriver=systemd"]}`, "without systemd", ""},
	"--exec-root":    {"--exec-root /x", `{"exec-root":"/x"}`, "", ""},
	"--experimental": {"--experimental", `{"experimental":true}`, "", ""},
	"--feature":      {"--feature buildkit", `{"features":{"buildkit":true}}`, "", "no features"},
	"--firewall-backend": {"--firewall-backend iptables", `{"firewall-backend":"iptables"}`,
		"nftables is the one", ""},
	"--fixed-cidr":               {"--fixed-cidr 10.9.0.0/25", `{"fixed-cidr":"10.9.0.0/25"}`, "", ""},
	"--fixed-cidr-v6":            {"--fixed-cidr-v6 fd00::/64", `{"fixed-cidr-v6":"fd00::/64"}`, "only IPv4", ""},
	"--graph":                    {"-g /x", `{"graph":"/x"}`, "", "the old name of"},
	"--group":                    {"-G x", `{"group":"x"}`, "", ""},
	"--host":                     {"-H unix:///x", `{"hosts":["unix:///x"]}`, "", ""},
	"--host-gateway-ip":          {"--host-gateway-ip 10.0.0.1", `{"host-gateway-ips":["10.0.0.1"]}`, "", ""},
	"--http-proxy":               {"--http-proxy http://x", `{"proxies":{"http-proxy":"http://x"}}`, "", ""},
	"--https-proxy":              {"--https-proxy http://x", `{"proxies":{"https-proxy":"http://x"}}`, "", ""},
	"--icc":                      {"--icc=false", `{"icc":false}`, "", ""},
	"--init":                     {"--init", `{"init":true}`, "", ""},
	"--init-path":                {"--init-path /x", `{"init-path":"/x"}`, "", ""},
	"--insecure-registry":        {"--insecure-registry x:5000", `{"insecure-registries":["x:5000"]}`, "", ""},
	"--ip":                       {"--ip 10.0.0.1", `{"ip":"10.0.0.1"}`, "", ""},
	"--ip-forward":               {"--ip-forward=false", `{"ip-forward":false}`, "", ""},
	"--ip-forward-no-drop":       {"--ip-forward-no-drop=false", `{"ip-forward-no-drop":false}`, "", "left alone"},
	"--ip-masq":                  {"--ip-masq=false", `{"ip-masq":false}`, "", ""},
	"--ip6tables":                {"--ip6tables", `{"ip6tables":true}`, "", "only IPv4"},
	"--iptables":                 {"--iptables=false", `{"iptables":false}`, "", ""},
	"--ipv6":                     {"--ipv6", `{"ipv6":true}`, "only IPv4", ""},
	"--label":                    {"--label a=b", `{"labels":["a=b"]}`, "", ""},
	"--live-restore":             {"--live-restore", `{"live-restore":true}`, "", ""},
	"--log-driver":               {"--log-driver local", `{"log-driver":"local"}`, "", ""},
	"--log-format":               {"--log-format json", `{"log-format":"json"}`, "", ""},
	"--log-level":                {"-l warn", `{"log-level":"warn"}`, "", ""},
	"--log-opt":                  {"--log-opt max-size=1m", `{"log-opts":{"max-size":"1m"}}`, "", ""},
	"--max-concurrent-downloads": {"--max-concurrent-downloads 2", `{"max-concurrent-downloads":2}`, "", ""},
	"--max-concurrent-uploads":   {"--max-concurrent-uploads 2", `{"max-concurrent-uploads":2}`, "", ""},
	"--max-download-attempts":    {"--max-download-attempts 2", `{"max-download-attempts":2}`, "", ""},
	"--metrics-addr":             {"--metrics-addr 127.0.0.1:1", `{"metrics-addr":"127.0.0.1:1"}`, "", ""},
	"--mtu":                      {"--mtu 1400", `{"mtu":1400}`, "", ""},
	"--network-diagnostic-port": {"--network-diagnostic-port 1", `{"network-diagnostic-port":1}`,
		"no diagnostic server", ""},
	"--no-new-privileges": {"--no-new-privileges", `{"no-new-privileges":true}`, "", ""},
	"--no-proxy":          {"--no-proxy x", `{"proxies":{"no-proxy":"x"}}`, "", ""},
	"--nri-opts": {"--nri-opts enable=true", `{"nri-opts":{"enable":true}}`,
		"no Node Resource Interface", ""},
	"--oom-score-adjust": {"--oom-score-adjust 5", `{"oom-score-adjust":5}`, "", ""},
	"--pidfile":          {"-p /x", `{"pidfile":"/x"}`, "", ""},
	"--raw-logs":         {"--raw-logs", `{"raw-logs":true}`, "", ""},
	"--registry-mirror":  {"--registry-mirror http://x", `{"registry-mirrors":["http://x"]}`, "", ""},
	"--restart":          {"--restart=false", "", "", "has been deprecated"},
	"--rootless":         {"--rootless", `{"rootless":true}`, "needs root", ""},
	"--seccomp-profile":  {"--seccomp-profile unconfined", `{"seccomp-profile":"unconfined"}`, "", ""},
	"--selinux-enabled":  {"--selinux-enabled", `{"selinux-enabled":true}`, "--security-opt label", ""},
	"--shutdown-timeout": {"--shutdown-timeout -1", `{"shutdown-timeout":-1}`, "", ""},
	"--storage-driver":   {"-s vfs", `{"storage-driver":"vfs"}`, "", ""},
	"--storage-opt":      {"--storage-opt x=y", `{"storage-opts":["x=y"]}`, "", ""},
	"--tls":              {"--tls=false", `{"tls":false}`, "", ""},
	"--tlscacert":        {"--tlscacert /x", `{"tlscacert":"/x"}`, "", ""},
	"--tlscert":          {"--tlscert /x --tlskey /y", `{"tlscert":"/x","tlskey":"/y"}`, "", ""},
	"--tlskey":           {"--tlskey /x --tlscert /y", `{"tlskey":"/x","tlscert":"/y"}`, "", ""},
	"--tlsverify":        {"--tlsverify", `{"tlsverify":true}`, "", ""},
	"--userland-proxy":   {"--userland-proxy=false", `{"userland-proxy":false}`, "", ""},
	"--userland-proxy-path": {"--userland-proxy-path /x", `{"userland-proxy-path":"/x"}`, "",
		"where no rule can"},
	"--userns-remap": {"--userns-remap default", `{"userns-remap":"default"}`, "", ""},
	"--validate":     {"", "", "", ""},
	"--version":      {"-v", "", "", ""},
	"builder": {"", `{"builder":{"gc":{"enabled":true,"policy":[{"keepStorage":"1GB"}]}}}`, "",
		"no BuildKit service"},
	"default-init": {"", `{"default-init":"x"}`, "", "--init-path"},
	"resolv-conf":  {"", `{"resolv-conf":"/x"}`, "", ""},
}

// TestFlags holds the tables of the daemon against Docker's options of tiers A and B: each works or is refused with
// the reason that stands here, as a flag and as a key.
func TestFlags(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("not root: --validate finds that root's folders cannot be written")
	}
	raw, err := os.ReadFile("testdata/flags.tsv")
	if err != nil {
		t.Fatal(err)
	}
	rows := strings.Split(strings.TrimSpace(string(raw)), "\n")
	if len(rows) < 90 {
		t.Fatalf("%d rows", len(rows))
	}
	for _, row := range rows {
		columns := strings.Split(row, "\t")
		name := columns[0]
		if !strings.HasPrefix(name, "--") {
			name = columns[1]
		}
		want, ok := outcomes[name]
		if !ok {
			t.Errorf("%s has no line in the table", name)
			continue
		}
		t.Run(name, func(t *testing.T) {
			key, _, _ := strings.Cut(columns[1], " ")
			if hasKey := strings.HasPrefix(columns[1], "(flag only)"); (want.json == "") != hasKey {
				t.Errorf("key %s: %q", key, want.json)
			}
			config := filepath.Join(t.TempDir(), "daemon.json")
			if err := os.WriteFile(config, []byte("{}"), 0o600); err != nil {
				t.Fatal(err)
			}
			if want.args != "" || want.json == "" {
				want.judge(t, append(strings.Fields(strings.ReplaceAll(want.args, "CONFIG", config)), "--config-file",
					config))
			}
			if want.json == "" {
				return
			}
			if err := os.WriteFile(config, []byte(want.json), 0o600); err != nil {
				t.Fatal(err)
			}
			want.judge(t, []string{"--config-file", config})
		})
	}
}

// pairs is a folder with an authority and a daemon's pair.
func pairs(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	a, p, err := certs.NewAuthority(folder, "here", "ecdsa", certs.AuthorityLife, nil, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	server, err := a.Server(certs.Leaf{Name: "here", Hosts: []string{"here"}, Life: 24 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	files := append(certs.PairFiles(p, certs.CAFile, certs.CAKeyFile),
		certs.PairFiles(server, certs.ServerFile, certs.ServerKeyFile)...)
	if err := certs.Write(folder, false, files); err != nil {
		t.Fatal(err)
	}
	return folder
}

// judge runs `dockerd --validate` with args.
func (want outcome) judge(t *testing.T, args []string) {
	t.Helper()
	code, said := validateIn(pairs(t), args...)
	switch {
	case want.reason != "" && (code == 0 || !strings.Contains(said, want.reason)):
		t.Errorf("%q is to be refused with %q: %d %s", args, want.reason, code, said)
	case want.reason == "" && code != 0:
		t.Errorf("%q is to work: %d %s", args, code, said)
	case want.reason == "" && !strings.Contains(said, "configuration OK") && !strings.Contains(said, "version"):
		t.Errorf("%q: %s", args, said)
	case want.note == "" && want.reason == "" &&
		len(strings.Split(strings.TrimSpace(said), "\n")) > 1, !strings.Contains(said, want.note):
		t.Errorf("%q is to note %q: %s", args, want.note, said)
	}
}

// validate is `dockerd --validate ARGS`: its exit code and what it prints. No file of this machine is read that args
// do not name.
func validate(args ...string) (int, string) { return validateIn("", args...) }

// validateIn is validate with certificates in a folder.
func validateIn(folder string, args ...string) (int, string) {
	var out bytes.Buffer
	env := &cmd.Env{Stdout: &out, Stderr: &out, Dir: "/", Getenv: func(name string) string {
		if name == "DOCKER_CERT_PATH" {
			return folder
		}
		return ""
	}}
	env.Args = append([]string{"--validate"}, args...)
	if err := Command.Main(context.Background(), env); err != nil {
		return 1, out.String() + err.Error()
	}
	return 0, out.String()
}
