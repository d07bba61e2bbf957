package config

import (
	"slices"
	"strings"
	"testing"
)

// TestApply looks at what a file says arriving where it is wanted.
func TestApply(t *testing.T) {
	file, err := parseConfig([]byte(`{"icc":false,"default-ulimits":{"nofile":{"Soft":5,"Hard":6}},"log-opts":{"max-file":2},"default-shm-size":1024,
		"default-address-pools":[{"base":"10.0.0.0/8","size":24}],"proxies":{"https-proxy":"x"},"tlsverify":false,"host-gateway-ip":"10.0.0.9","labels":["a=b","a=b"]}`))
	if err != nil {
		t.Fatal(err)
	}
	o := &Options{}
	if err := apply(o.Usage(), file, func(string) bool { return false }); err != nil {
		t.Fatal(err)
	}
	b := o.DefaultNetwork()
	if !b.Apart || b.HostGateway.String() != "10.0.0.9" || len(b.Pools) != 1 || b.Pools[0].Size != 24 ||
		o.DefaultUlimits[0].String() != "nofile=5:6" ||
		!slices.Equal(o.LogOpts, []string{"max-file=2"}) || o.DefaultShmSize != 1024 || o.HTTPSProxy != "x" ||
		o.TLSVerify == nil || len(o.Labels) != 1 {
		t.Errorf("%+v", o)
	}
}

func FuzzConfig(f *testing.F) {
	for _, s := range []string{`{"labels":["a=b"]}`, `{"log-opts":{"a":1}}`, `{"default-ulimits":{"x":{"soft":1}}}`,
		`{"proxies":{"no-proxy":[]}}`, `[`, `{"a":{"a":[{}]}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		file, err := parseConfig(raw)
		if err != nil {
			return
		}
		o := &Options{}
		if apply(o.Usage(), file, func(name string) bool {
			return len(name)%2 == 0 && name != "tls" && name != "tlsverify" && name != "default-stop-timeout"
		}) == nil {
			_ = o.checkNetwork()
			_ = o.DefaultNetwork()
		}
	})
}

func TestOptions(t *testing.T) {
	for _, row := range []struct {
		text  string
		words []string
		says  string
	}{
		{"", nil, ""}, {"# DOCKER_OPTS=\"-D\"\n", nil, ""}, {"DOCKER_OPTS=", nil, ""},
		{"DOCKER_OPTS=-D", []string{"-D"}, ""},
		{"DOCKER_OPTS=\"--dns 8.8.8.8  --dns 8.8.4.4\"\n", []string{"--dns", "8.8.8.8", "--dns", "8.8.4.4"}, ""},
		{"export DOCKER_OPTS='-H tcp://:1' # why\r\n", []string{"-H", "tcp://:1"}, ""},
		{"  DOCKER_OPTS=\"--label 'a=b c' --label \\\"x=y\\\"\"", []string{"--label", "a=b c", "--label", "x=y"},
			""},
		{"DOCKER_OPTS=\"-D \\\n -l warn\"\nX=1", []string{"-D", "-l", "warn"}, ""},
		{"DOCKER_OPTS=-D\nDOCKER_OPTS=-l\\ warn", []string{"-l", "warn"}, ""},
		{"OPTIONS='-D'", []string{"-D"}, ""}, {"OPTIONS=-D\nDOCKER_OPTS=", nil, ""},
		{"DOCKER_OPTS='a '\\''b c'\\'", []string{"a", "b c"}, ""},
		{"MY_DOCKER_OPTS=-D\nDOCKER_OPTSX=-D", nil, ""}, {"DOCKER_OPTS=\"a\nb\"", []string{"a", "b"}, ""},
		{"DOCKER_OPTS=\"''\"", []string{""}, ""},
		{"\nDOCKER_OPTS=\"$(reboot)\"", nil, "line 2: DOCKER_OPTS: '$' needs a shell"},
		{"DOCKER_OPTS=\"`reboot`\"", nil, "'`' needs a shell"}, {"DOCKER_OPTS=-D;reboot", nil, "';' needs a shell"},
		{"DOCKER_OPTS=-D reboot", nil, "unexpected text"}, {"DOCKER_OPTS='-D", nil, "not closed"},
		{"DOCKER_OPTS=\"-D ;x\"", nil, "';' needs a shell"},
		{"DOCKER_OPTS='-D $HOME'", nil, "'$' needs a shell"}, {"DOCKER_OPTS=\"it's\"", nil, "not closed"},
		{"DOCKER_OPTS=a\\", nil, "it ends with a backslash"},
		{"DOCKER_OPTS+=-D", nil, "+= needs a shell"},
	} {
		words, err := DockerOpts(row.text)
		if row.says == "" && (err != nil || !slices.Equal(words, row.words)) ||
			row.says != "" && (err == nil || !strings.Contains(err.Error(), row.says)) {
			t.Errorf("%q: %q, %v", row.text, words, err)
		}
	}
}
