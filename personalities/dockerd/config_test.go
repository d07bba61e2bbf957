package dockerd

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"box/personalities/cmd"
	"box/personalities/dockerd/config"
)

// TestConfig has the messages of Docker's daemon, and those of box where Docker takes what nobody can mean.
func TestConfig(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("not root: --validate finds that root's folders cannot be written")
	}
	const twice = "the following directive is specified more than once in the configuration file: "
	both := "the following directives are specified both as a flag and in the configuration file: "
	for _, row := range []struct{ file, args, says string }{
		{``, "", ""}, {"\xef\xbb\xbf{\"debug\":true}", "", ""}, {`{}`, "", ""}, {`{"debug":null}`, "", ""},
		{`{"nope":1,"neither":2}`, "", "unable to configure the Docker daemon with file FILE: the following directives " +
			"don't match any configuration option: neither, nope\nline 1, column 2: nope\nline 1, column 11: neither"},
		{"{\n  \"debug\": true,\n  \"data-rot\": \"/x\"\n}", "", "line 3, column 3: data-rot: did you mean data-root?"},
		{`{"log-opt":{"a":"b"}}`, "", "line 1, column 2: log-opt is the name of the flag: use the key log-opts"},
		{"{\n\t\"디버그\": 1, \"mtu\": \"x\"}", "", "line 2, column 2: 디버그"},
		{"{\n\t\"mtu\": 1,\n\t\"dns\": [1 2]\n}", "", "line 3, column 12: invalid character '2' after array element"},
		{"{\n\t\"mtu\": 1,\n}", "", "line 3, column 1: invalid character '}'"},
		{"{\n\t\"mtu\": 1,\n\t\"mtu\": 2\n}", "", "line 3, column 2: " + twice + "mtu"},
		{"{\n\t\"mtu\": 1}\n{}", "", "line 3, column 1: unexpected content after the object"},
		{`{"debug":"x"}`, "", "unable to configure the Docker daemon with file FILE: line 1, column 2: json: cannot " +
			"unmarshal string into Go struct field Config.debug of type bool"},
		{`{"debug":true`, "", "unable to configure the Docker daemon with file FILE: line 1, column 14: unexpected EOF"},
		{`{"mtu":1.5}`, "", "cannot unmarshal number into Go struct field Config.mtu of type int"},
		{`{"dns":"x"}`, "", "cannot unmarshal string into Go struct field Config.dns of type []string"},
		{`{"labels":["a=b"],"log-opts":{"a":"b"},"log-driver":"syslog"}`,
			"--label x=y --log-opt max-size=3 --log-driver json-file",
			both + "labels: (from flag: [x=y], from file: [a=b]), log-driver: (from flag: json-file, from file: syslog), " +
				"log-opts: (from flag: map[max-size:3], from file: map[a:b])"},
		{`{"hosts":["unix:///x"]}`, "-H unix:///y", both + "hosts: (from flag: [unix:///y], from file: [unix:///x])"},
		{`{"proxies":{"http-proxy":"http://u:secret@x"}}`, "--http-proxy http://u:secret@y",
			both + "http-proxy: (from flag: http://u:xxxxx@y, from file: http://u:xxxxx@x)"},
		{`{"host-gateway-ip":"10.0.0.1"}`, "--host-gateway-ip 10.0.0.2",
			both + "host-gateway-ip: (from flag: [10.0.0.2], from file: 10.0.0.1)"},
		{`{"host-gateway-ips":["10.0.0.1"]}`, "--host-gateway-ip 10.0.0.2",
			both + "host-gateway-ips: (from flag: [10.0.0.2], from file: [10.0.0.1])"},
		{`{"debug":true,"debug":true}`, "", twice + "debug"}, {`{"log-opts":{"a":"b","a":"c"}}`, "", twice + "a"},
		{`{"proxies":{"no-proxy":"x"},"no-proxy":"y"}`, "", twice + "no-proxy"},
		{`[]`, "", "json: cannot unmarshal array into Go value of type map[string]interface {}"},
		{`{"debug":true} x`, "", "unexpected content after the object"},
		{`{"debug":true}{}`, "", "unexpected content after the object"},
		{strings.Repeat("[", 100), "", "objects are nested too deeply"},
		{`{"labels":[["a=b"]]}`, "", "cannot unmarshal array"},
		{`{"labels":["ab"]}`, "", "bad attribute format: ab"},
		{`{"labels":["a=b","a=c"]}`, "", "conflict labels for a=c and a=b"},
		{`{"default-ipc-mode":"foo"}`, "", `default IPC mode setting (foo) is invalid; use "shareable" or "private"`},
		{`{"default-ipc-mode":"host"}`, "",
			`IPC mode "host" is not supported as default value; use "shareable" or "private"`},
		{`{"default-cgroupns-mode":"foo"}`, "", `default cgroup namespace mode (foo) is invalid; use "host" or "private"`},
		{`{"max-concurrent-downloads":-1}`, "", "invalid max concurrent downloads: -1"},
		{`{"dns":["foo"]}`, "", "foo is not an ip address"},
		{`{"registry-mirrors":["http://u:p@foo"]}`, "",
			`invalid mirror: username/password not allowed in URI "http://u:xxxxx@foo"`},
		{`{"registry-mirrors":["ftp://foo"]}`, "", `invalid mirror: unsupported scheme "ftp" in "ftp://foo"`},
		{`{"default-shm-size":"foo"}`, "", "invalid size: 'foo'"}, {`{"log-level":"foo"}`, "", "invalid logging level: foo"},
		{`{"default-ulimits":{"nofile":{"Name":"core","Hard":1,"Soft":1}}}`, "", "nofile has the name core"},
		{`{"default-address-pools":[{"base":"10.0.0.0/16","size":8}]}`, "", "invalid pools size 8"},
		{`{"graph":"/x","data-root":"/y"}`, "", `cannot specify both "graph" and "data-root" config file options`},
		{`{}`, "--graph /x --data-root /y", `cannot specify both "--graph" and "--data-root" option`},
		{`{"graph":"/x"}`, "--data-root /y", `cannot specify both`},
		{`{"seccomp-profile":"/nope"}`, "", "opening seccomp profile (/nope) failed: open /nope: no such file or directory"},
		{`{"fixed-cidr":"10.9.0.0/24","bip":"10.8.0.1/24"}`, "", "is not within the network"},
		{`{"bip":"10.8.0.0/24"}`, "", "use the address of the bridge"},
		{`{"icc":false,"iptables":false}`, "", "You specified --iptables=false with --icc=false"},
		{`{"hosts":["tcp://0.0.0.0:2375"],"refuse-plain-tcp":true}`, "", "without TLS is refused"},
		{`{"log-opts":{"max-file":3}}`, "", ""}, {`{"runtimes":{}}`, "", ""},
		{`{"iptables":true,"default-runtime":"runc"}`, "", ""},
	} {
		path := filepath.Join(t.TempDir(), "daemon.json")
		if err := os.WriteFile(path, []byte(strings.ReplaceAll(row.file, "FILE", path)), 0o600); err != nil {
			t.Fatal(err)
		}
		code, said := validate(append(strings.Fields(row.args), "--config-file", path)...)
		if (code == 0) != (row.says == "") || !strings.Contains(said, strings.ReplaceAll(row.says, "FILE", path)) {
			t.Errorf("%.80s %s: %d %s", row.file, row.args, code, said)
		}
	}
	for _, row := range []struct{ args, says string }{
		{"--storage-driver zfs9", `--storage-driver: storage driver "zfs9" is not known: this box has overlay2`},
		{"--storage-opt overlay2.size=1G --storage-driver vfs", "overlay2.size is of driver overlay2, and vfs is used"},
		{"--data-root /dev/null/x", "--data-root: "},
		{"--exec-root /proc/version", "--exec-root: /proc/version is not a folder"},
		{"--pidfile /dev/null", "--pidfile: /dev/null: there is a character device"},
		{"-H tcp://127.0.0.1:1 --tlsverify --tlscacert /nope/ca.pem --tlscert /nope/c.pem --tlskey /nope/k.pem",
			"box certs init"},
	} {
		if code, said := validate(strings.Fields(row.args)...); code == 0 || !strings.Contains(said, row.says) {
			t.Errorf("%s: %d %s", row.args, code, said)
		}
	}
	if code, said := validate("--config-file", "/nope/daemon.json"); code == 0 ||
		said != "unable to configure the Docker daemon with file /nope/daemon.json: open /nope/daemon.json: no such file "+
			"or directory" {
		t.Error(code, said)
	}
}

// TestDriverOfEnvironment: $DOCKER_DRIVER wins over the command line, and is checked as that is.
func TestDriverOfEnvironment(t *testing.T) {
	for _, row := range []struct{ named, args, want, says string }{
		{"", "-s vfs", "vfs", ""}, {"overlay", "-s vfs", "overlay", "$DOCKER_DRIVER environment variable (overlay)"},
		{"vfs", "", "vfs", "$DOCKER_DRIVER environment variable (vfs)"},
	} {
		o, err := config.Load(&cmd.Env{Dir: "/", Args: append(strings.Fields(row.args), "--config-file", "/dev/null"),
			Getenv: func(name string) string { return map[string]string{"DOCKER_DRIVER": row.named}[name] }})
		if err != nil || o.StorageDriver != row.want || !strings.Contains(strings.Join(o.Notes, "\n"), row.says) {
			t.Errorf("%+v: %s, %v, %v", row, o.StorageDriver, o.Notes, err)
		}
	}
}

// TestOptionsFile looks at who wins: the command line over DOCKER_OPTS, and both against daemon.json.
func TestOptionsFile(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"opts": "DOCKER_OPTS='-l warn --label a=b'", "bad": "DOCKER_OPTS=--nope",
		"zero": "A=\x00", "daemon.json": `{"log-level":"info"}`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	try := func(args ...string) (*config.Options, error) {
		return config.Load(&cmd.Env{Dir: dir, Args: append(args, "--label", "c=d"),
			Getenv: func(string) string { return "" }})
	}
	o, err := try("--opts-file", "opts", "-l", "error")
	if err != nil || o.LogLevel != "error" || !slices.Equal(o.Labels, []string{"a=b", "c=d"}) {
		t.Errorf("%+v, %v", o, err)
	}
	if _, err := try("--opts-file", "none"); err != nil {
		t.Error(err)
	}
	for _, row := range [][3]string{{"bad", "nope.json", "unknown flag: --nope"},
		{"bad", "daemon.json", "with DOCKER_OPTS of"}, {"zero", "daemon.json", "zero byte"}, {"opts", "daemon.json",
			"log-level: (from flag: warn, from file: info)"}} {
		if _, err := try("--opts-file", row[0], "--config-file", row[1]); err == nil ||
			!strings.Contains(err.Error(), row[2]) {
			t.Errorf("%v: %v", row, err)
		}
	}
}

func FuzzOptions(f *testing.F) {
	f.Add("DOCKER_OPTS=\"--label 'a=b'\"\n")
	f.Add("DOCKER_OPTS='\\''x")
	f.Fuzz(func(t *testing.T, text string) {
		_, _ = config.DockerOpts(text)
		// what a careful writer quotes comes back as it was
		if strings.ContainsAny(text, "'\x00") {
			return
		}
		words, err := config.DockerOpts("DOCKER_OPTS=\\'\"" +
			strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "`", "\\`").Replace(text) + "\"\\'")
		if err != nil || len(words) != 1 || words[0] != text {
			t.Errorf("%q: %q, %v", text, words, err)
		}
	})
}
