package config

import (
	"net"
	"strings"
	"testing"
)

func TestParseHost(t *testing.T) {
	for _, row := range []struct {
		text   string
		secure bool
		want   Host
		err    string
	}{
		{text: "unix://", want: Host{"unix", "/var/run/docker.sock"}},
		{text: "unix:///run/a.sock", want: Host{"unix", "/run/a.sock"}},
		{text: "tcp://", want: Host{"tcp", "127.0.0.1:2375"}},
		{text: "tcp://", secure: true, want: Host{"tcp", "127.0.0.1:2376"}},
		{text: "tcp://0.0.0.0:2375", want: Host{"tcp", "0.0.0.0:2375"}},
		{text: "0.0.0.0:2376", want: Host{"tcp", "0.0.0.0:2376"}},
		{text: "0.0.0.0", secure: true, want: Host{"tcp", "0.0.0.0:2376"}},
		{text: ":2375", want: Host{"tcp", "127.0.0.1:2375"}},
		{text: "tcp://[::1]:2375", want: Host{"tcp", "[::1]:2375"}},
		{text: "tcp://[::]", secure: true, want: Host{"tcp", "[::]:2376"}},
		{text: "tcp://somewhere:0", err: "between 1 and 65535"},
		{text: "tcp://somewhere:http", err: "between 1 and 65535"},
		{text: "tcp://1::2", err: "too many colons"},
		{text: "/var/run/docker.sock", err: "unix:///path"},
		{text: "udp://1.2.3.4:1", err: "invalid bind address format"},
		{text: "fd://", want: Host{"fd", ""}},
		{text: "fd://docker.socket", want: Host{"fd", "docker.socket"}},
	} {
		got, err := parseHost(row.text, row.secure)
		if row.err != "" {
			if err == nil || !strings.Contains(err.Error(), row.err) {
				t.Errorf("%s: %v, want %q", row.text, err, row.err)
			}
			continue
		}
		if err != nil || got != row.want {
			t.Errorf("%s: %+v %v, want %+v", row.text, got, err, row.want)
		}
	}
}

// TestRemote holds what Docker's flags mean together.
func TestRemote(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	yes, no := true, false
	for _, row := range []struct {
		name                     string
		tls, verify              *bool
		env                      string
		secure, verifies, silent bool
	}{
		{name: "nothing"},
		{name: "--tls", tls: &yes, secure: true, verifies: true},
		{name: "--tls=false", tls: &no, silent: true},
		{name: "--tlsverify", verify: &yes, secure: true, verifies: true},
		{name: "--tlsverify=false", verify: &no, secure: true},
		{name: "--tls --tlsverify=false", tls: &yes, verify: &no, secure: true},
		{name: "--tls=false --tlsverify", tls: &no, verify: &yes, secure: true, verifies: true},
		{name: "DOCKER_TLS_VERIFY", env: "1", secure: true, verifies: true},
	} {
		r := Remote{TLS: row.tls, TLSVerify: row.verify}
		err := r.settle([]string{"tcp://1.2.3.4"}, func(name string) string {
			return map[string]string{"DOCKER_TLS_VERIFY": row.env, "DOCKER_CERT_PATH": t.TempDir()}[name]
		})
		if err != nil || r.Secure() != row.secure || r.Verifies() != row.verifies || r.silent() != row.silent {
			t.Errorf("%s: secure %t, verifies %t, silent %t, %v", row.name, r.Secure(), r.Verifies(), r.silent(), err)
		}
		warnings := r.Warnings([]net.Listener{l})
		if quiet := len(warnings) == 0; quiet != (row.verifies || row.silent) {
			t.Errorf("%s: warnings %q", row.name, warnings)
		}
	}
}

func TestPlainRefused(t *testing.T) {
	r := Remote{RefusePlainTCP: true}
	err := r.settle([]string{"tcp://1.2.3.4"}, func(string) string { return "" })
	if err == nil || !strings.Contains(err.Error(), "box dockerd --tlsverify -H tcp://1.2.3.4:2376") {
		t.Errorf("a plain socket was taken: %v", err)
	}
}

func FuzzParseHost(f *testing.F) {
	f.Add("tcp://[::1]:2375", true)
	f.Add("unix:///x", false)
	f.Fuzz(func(t *testing.T, text string, secure bool) {
		h, err := parseHost(text, secure)
		if err == nil && h.Scheme == "tcp" {
			again, err := parseHost("tcp://"+h.Address, secure)
			if err != nil || again != h {
				t.Errorf("%q became %q, which reads as %q %v", text, h.Address, again.Address, err)
			}
		}
	})
}
