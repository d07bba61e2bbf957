package dockerd

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"box/personalities/cmd"
)

// TestConfig has the messages of Docker's daemon, and those of box where Docker takes what nobody can mean.
func TestConfig(t *testing.T) {
	const twice = "the following directive is specified more than once in the configuration file: "
	both := "the following directives are specified both as a flag and in the configuration file: "
	for _, row := range []struct{ file, args, says string }{
		{``, "", ""}, {"\xef\xbb\xbf{\"debug\":true}", "", ""}, {`{}`, "", ""}, {`{"debug":null}`, "", ""},
		{`{"nope":1,"neither":2}`, "", "unable to configure the Docker daemon with file FILE: the following directives don't match any configuration option: neither, nope\nline 1, column 2: nope\nline 1, column 11: neither"},
		{"{\n  \"debug\": true,\n  \"data-rot\": \"/x\"\n}", "", "line 3, column 3: data-rot: did you mean data-root?"},
		{`{"log-opt":{"a":"b"}}`, "", "line 1, column 2: log-opt is the flag: the key is log-opts"},
		{"{\n\t\"디버그\": 1, \"mtu\": \"x\"}", "", "line 2, column 2: 디버그"},
		{"{\n\t\"mtu\": 1,\n\t\"dns\": [1 2]\n}", "", "line 3, column 12: invalid character '2' after array element"},
		{"{\n\t\"mtu\": 1,\n}", "", "line 3, column 1: invalid character '}'"},
		{"{\n\t\"mtu\": 1,\n\t\"mtu\": 2\n}", "", "line 3, column 2: " + twice + "mtu"},
		{"{\n\t\"mtu\": 1}\n{}", "", "line 3, column 1: there is more after the end"},
		{`{"debug":"x"}`, "", "unable to configure the Docker daemon with file FILE: line 1, column 2: json: cannot unmarshal string into Go struct field Config.debug of type bool"},
		{`{"debug":true`, "", "unable to configure the Docker daemon with file FILE: line 1, column 14: unexpected EOF"},
		{`{"mtu":1.5}`, "", "cannot unmarshal number into Go struct field Config.mtu of type int"},
		{`{"dns":"x"}`, "", "cannot unmarshal string into Go struct field Config.dns of type []string"},
		{`{"labels":["a=b"],"log-opts":{"a":"b"},"log-driver":"syslog"}`, "--label x=y --log-opt max-size=3 --log-driver json-file",
			both + "labels: (from flag: [x=y], from file: [a=b]), log-driver: (from flag: json-file, from file: syslog), log-opts: (from flag: map[max-size:3], from file: map[a:b])"},
		{`{"hosts":["unix:///x"]}`, "-H unix:///y", both + "hosts: (from flag: [unix:///y], from file: [unix:///x])"},
		{`{"proxies":{"http-proxy":"http://u:secret@x"}}`, "--http-proxy http://u:secret@y", both + "http-proxy: (from flag: http://u:xxxxx@y, from file: http://u:xxxxx@x)"},
		{`{"host-gateway-ip":"10.0.0.1"}`, "--host-gateway-ip 10.0.0.2", both + "host-gateway-ip: (from flag: [10.0.0.2], from file: 10.0.0.1)"},
		{`{"host-gateway-ips":["10.0.0.1"]}`, "--host-gateway-ip 10.0.0.2", both + "host-gateway-ips: (from flag: [10.0.0.2], from file: [10.0.0.1])"},
		{`{"debug":true,"debug":true}`, "", twice + "debug"}, {`{"log-opts":{"a":"b","a":"c"}}`, "", twice + "a"},
		{`{"proxies":{"no-proxy":"x"},"no-proxy":"y"}`, "", twice + "no-proxy"},
		{`[]`, "", "json: cannot unmarshal array into Go value of type map[string]interface {}"},
		{`{"debug":true} x`, "", "there is more after the end of the object"}, {`{"debug":true}{}`, "", "there is more after the end of the object"},
		{strings.Repeat("[", 100), "", "too many objects in one another"}, {`{"labels":[["a=b"]]}`, "", "cannot unmarshal array"},
		{`{"labels":["ab"]}`, "", "bad attribute format: ab"}, {`{"labels":["a=b","a=c"]}`, "", "conflict labels for a=c and a=b"},
		{`{"default-ipc-mode":"foo"}`, "", `default IPC mode setting (foo) is invalid; use "shareable" or "private"`},
		{`{"default-ipc-mode":"host"}`, "", `IPC mode "host" is not supported as default value; use "shareable" or "private"`},
		{`{"default-cgroupns-mode":"foo"}`, "", `default cgroup namespace mode (foo) is invalid; use "host" or "private"`},
		{`{"max-concurrent-downloads":-1}`, "", "invalid max concurrent downloads: -1"}, {`{"dns":["foo"]}`, "", "foo is not an ip address"},
		{`{"registry-mirrors":["http://u:p@foo"]}`, "", `invalid mirror: username/password not allowed in URI "http://u:xxxxx@foo"`},
		{`{"registry-mirrors":["ftp://foo"]}`, "", `invalid mirror: unsupported scheme "ftp" in "ftp://foo"`},
		{`{"default-shm-size":"foo"}`, "", "invalid size: 'foo'"}, {`{"log-level":"foo"}`, "", "invalid logging level: foo"},
		{`{"default-ulimits":{"nofile":{"Name":"core","Hard":1,"Soft":1}}}`, "", "nofile has the name core"},
		{`{"default-address-pools":[{"base":"10.0.0.0/16","size":8}]}`, "", "invalid pools size 8"},
		{`{"graph":"/x","data-root":"/y"}`, "", `cannot specify both "graph" and "data-root" config file options`},
		{`{}`, "--graph /x --data-root /y", `cannot specify both "--graph" and "--data-root" option`},
		{`{"graph":"/x"}`, "--data-root /y", `cannot specify both`},
		{`{"seccomp-profile":"/nope"}`, "", "opening seccomp profile (/nope) failed: open /nope: no such file or directory"},
		{`{"fixed-cidr":"10.9.0.0/24","bip":"10.8.0.1/24"}`, "", "is not within the network"}, {`{"bip":"10.8.0.0/24"}`, "", "give the address of the bridge"},
		{`{"icc":false,"iptables":false}`, "", "You specified --iptables=false with --icc=false"},
		{`{"hosts":["tcp://0.0.0.0:2375"],"refuse-plain-tcp":true}`, "", "without TLS is refused"},
		{`{"log-opts":{"max-file":3}}`, "", ""}, {`{"runtimes":{}}`, "", ""}, {`{"iptables":true,"default-runtime":"runc"}`, "", ""},
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
		{"-H tcp://127.0.0.1:1 --tlsverify --tlscacert /nope/ca.pem --tlscert /nope/c.pem --tlskey /nope/k.pem", "box certs init"},
	} {
		if code, said := validate(strings.Fields(row.args)...); code == 0 || !strings.Contains(said, row.says) {
			t.Errorf("%s: %d %s", row.args, code, said)
		}
	}
	if code, said := validate("--config-file", "/nope/daemon.json"); code == 0 ||
		said != "unable to configure the Docker daemon with file /nope/daemon.json: open /nope/daemon.json: no such file or directory" {
		t.Error(code, said)
	}
}

// TestApply looks at what a file says arriving where it is wanted.
func TestApply(t *testing.T) {
	file, err := parseConfig([]byte(`{"icc":false,"default-ulimits":{"nofile":{"Soft":5,"Hard":6}},"log-opts":{"max-file":2},"default-shm-size":1024,
		"default-address-pools":[{"base":"10.0.0.0/8","size":24}],"proxies":{"https-proxy":"x"},"tlsverify":false,"host-gateway-ip":"10.0.0.9","labels":["a=b","a=b"]}`))
	if err != nil {
		t.Fatal(err)
	}
	o := &options{}
	if err := apply(o.usage(), file, func(string) bool { return false }); err != nil {
		t.Fatal(err)
	}
	b := o.defaultNetwork()
	if !b.Apart || b.HostGateway.String() != "10.0.0.9" || len(b.Pools) != 1 || b.Pools[0].Size != 24 || o.DefaultUlimits[0].String() != "nofile=5:6" ||
		!slices.Equal(o.LogOpts, []string{"max-file=2"}) || o.DefaultShmSize != 1024 || o.HTTPSProxy != "x" || o.TLSVerify == nil || len(o.Labels) != 1 {
		t.Errorf("%+v", o)
	}
}

func FuzzConfig(f *testing.F) {
	for _, s := range []string{`{"labels":["a=b"]}`, `{"log-opts":{"a":1}}`, `{"default-ulimits":{"x":{"soft":1}}}`, `{"proxies":{"no-proxy":[]}}`, `[`, `{"a":{"a":[{}]}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		file, err := parseConfig(raw)
		if err != nil {
			return
		}
		o := &options{}
		if apply(o.usage(), file, func(name string) bool {
			return len(name)%2 == 0 && name != "tls" && name != "tlsverify" && name != "default-stop-timeout"
		}) == nil {
			_ = o.checkNetwork()
			_ = o.defaultNetwork()
		}
	})
}

func TestOptions(t *testing.T) {
	for _, row := range []struct {
		text  string
		words []string
		says  string
	}{
		{"", nil, ""}, {"# DOCKER_OPTS=\"-D\"\n", nil, ""}, {"DOCKER_OPTS=", nil, ""}, {"DOCKER_OPTS=-D", []string{"-D"}, ""},
		{"DOCKER_OPTS=\"--dns 8.8.8.8  --dns 8.8.4.4\"\n", []string{"--dns", "8.8.8.8", "--dns", "8.8.4.4"}, ""},
		{"export DOCKER_OPTS='-H tcp://:1' # why\r\n", []string{"-H", "tcp://:1"}, ""}, {"  DOCKER_OPTS=\"--label 'a=b c' --label \\\"x=y\\\"\"", []string{"--label", "a=b c", "--label", "x=y"}, ""},
		{"DOCKER_OPTS=\"-D \\\n -l warn\"\nX=1", []string{"-D", "-l", "warn"}, ""}, {"DOCKER_OPTS=-D\nDOCKER_OPTS=-l\\ warn", []string{"-l", "warn"}, ""},
		{"OPTIONS='-D'", []string{"-D"}, ""}, {"OPTIONS=-D\nDOCKER_OPTS=", nil, ""}, {"DOCKER_OPTS='a '\\''b c'\\'", []string{"a", "b c"}, ""},
		{"MY_DOCKER_OPTS=-D\nDOCKER_OPTSX=-D", nil, ""}, {"DOCKER_OPTS=\"a\nb\"", []string{"a", "b"}, ""}, {"DOCKER_OPTS=\"''\"", []string{""}, ""},
		{"\nDOCKER_OPTS=\"$(reboot)\"", nil, "line 2: DOCKER_OPTS: '$' is for a shell"}, {"DOCKER_OPTS=\"`reboot`\"", nil, "'`' is for a shell"}, {"DOCKER_OPTS=-D;reboot", nil, "';' is for a shell"},
		{"DOCKER_OPTS=-D reboot", nil, "a word follows"}, {"DOCKER_OPTS='-D", nil, "not closed"}, {"DOCKER_OPTS=\"-D ;x\"", nil, "';' is for a shell"},
		{"DOCKER_OPTS='-D $HOME'", nil, "'$' is for a shell"}, {"DOCKER_OPTS=\"it's\"", nil, "not closed"}, {"DOCKER_OPTS=a\\", nil, "a backslash ends it"},
		{"DOCKER_OPTS+=-D", nil, "+= is for a shell"},
	} {
		words, err := dockerOpts(row.text)
		if row.says == "" && (err != nil || !slices.Equal(words, row.words)) || row.says != "" && (err == nil || !strings.Contains(err.Error(), row.says)) {
			t.Errorf("%q: %q, %v", row.text, words, err)
		}
	}
}

// TestOptionsFile looks at who wins: the command line over DOCKER_OPTS, and both against daemon.json.
func TestOptionsFile(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"opts": "DOCKER_OPTS='-l warn --label a=b'", "bad": "DOCKER_OPTS=--nope", "zero": "A=\x00", "daemon.json": `{"log-level":"info"}`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	try := func(args ...string) (*options, error) {
		return load(&cmd.Env{Dir: dir, Args: append(args, "--label", "c=d"), Getenv: func(string) string { return "" }})
	}
	o, err := try("--opts-file", "opts", "-l", "error")
	if err != nil || o.LogLevel != "error" || !slices.Equal(o.Labels, []string{"a=b", "c=d"}) {
		t.Errorf("%+v, %v", o, err)
	}
	if _, err := try("--opts-file", "none"); err != nil {
		t.Error(err)
	}
	for _, row := range [][3]string{{"bad", "nope.json", "unknown flag: --nope"}, {"bad", "daemon.json", "with DOCKER_OPTS of"}, {"zero", "daemon.json", "zero byte"}, {"opts", "daemon.json", "log-level: (from flag: warn, from file: info)"}} {
		if _, err := try("--opts-file", row[0], "--config-file", row[1]); err == nil || !strings.Contains(err.Error(), row[2]) {
			t.Errorf("%v: %v", row, err)
		}
	}
}

func FuzzOptions(f *testing.F) {
	f.Add("DOCKER_OPTS=\"--label 'a=b'\"\n")
	f.Add("DOCKER_OPTS='\\''x")
	f.Fuzz(func(t *testing.T, text string) {
		_, _ = dockerOpts(text)
		// what a careful writer quotes comes back as it was
		if strings.ContainsAny(text, "'\x00") {
			return
		}
		words, err := dockerOpts("DOCKER_OPTS=\\'\"" + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "`", "\\`").Replace(text) + "\"\\'")
		if err != nil || len(words) != 1 || words[0] != text {
			t.Errorf("%q: %q, %v", text, words, err)
		}
	})
}
