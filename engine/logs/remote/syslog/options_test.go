package syslog

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"box/engine/logs/driver"
	"box/engine/logs/remote/remotetest"
)

// TestOptions checks which options are accepted, and Docker's errors for others.
func TestOptions(t *testing.T) {
	dir := t.TempDir()
	there, gone := filepath.Join(dir, "there"), filepath.Join(dir, "gone")
	remotetest.Must(t, os.WriteFile(there, nil, 0o600))
	for option, want := range map[string]string{
		"":                               "",
		"syslog-address=":                "",
		"syslog-address=udp://h":         "",
		"syslog-address=tcp://h:1":       "",
		"syslog-address=tcp+tls://h":     "",
		"syslog-address=h:1":             "syslog-address should be in form proto://address, got h:1",
		"syslog-address=ftp://h:1":       "syslog-address should be in form proto://address, got ftp://h:1",
		"syslog-address=udp://a:1:2":     "address a:1:2: too many colons in address",
		"syslog-address=unix://" + there: "",
		"syslog-address=unix://" + gone:  "stat " + gone + ": no such file or directory",
		"syslog-facility=daemon":         "",
		"syslog-facility=local7":         "",
		"syslog-facility=0":              "",
		"syslog-facility=23":             "",
		"syslog-facility=24":             "invalid syslog facility",
		"syslog-facility=-1":             "invalid syslog facility",
		"syslog-facility=LOCAL0":         "invalid syslog facility",
		"syslog-facility=local8":         "invalid syslog facility",
		"syslog-format=rfc3164":          "",
		"syslog-format=rfc5424micro":     "",
		"syslog-format=RFC5424":          "Invalid syslog format",
	} {
		err := Check(remotetest.Config(option).Options)
		if err == nil && want != "" || err != nil && err.Error() != want {
			t.Errorf("%s: %v; want %q", option, err, want)
		}
	}
	for text, want := range map[string]string{"udp://h": "udp h:514", "tcp://[::1]:7": "tcp [::1]:7",
		"unixgram://" + there: "unixgram " + there} {
		if network, address, err := parseAddress(text); network+" "+address != want || err != nil {
			t.Errorf("%s leads to %s %s, %v", text, network, address, err)
		}
	}
	for name, number := range map[string]int{"kern": 0, "daemon": 3, "": 3, "ftp": 11, "local0": 16, "12": 12} {
		if n, err := parseFacility(name); n != number || err != nil {
			t.Errorf("facility %q is %d, %v", name, n, err)
		}
	}
}

// TestCertificates checks that missing or malformed certificate files keep a container from starting.
func TestCertificates(t *testing.T) {
	dir := t.TempDir()
	selfSigned(t, filepath.Join(dir, "ca.pem"))
	remotetest.Must(t, os.WriteFile(filepath.Join(dir, "none.pem"), []byte("no certificate"), 0o600))
	for options, want := range map[string]string{
		"":                            "",
		"syslog-tls-ca-cert=ca.pem":   "",
		"syslog-tls-ca-cert=gone":     "could not read CA certificate",
		"syslog-tls-ca-cert=none.pem": "failed to append certificates from PEM file",
		"syslog-tls-ca-cert=gone syslog-tls-skip-verify=1": "",
		"syslog-tls-cert=ca.pem":                           "Could not load X509 key pair",
		"syslog-tls-key=ca.pem":                            "Could not load X509 key pair",
		"syslog-tls-cert=none.pem syslog-tls-key=none.pem": "Could not load X509 key pair",
	} {
		c := remotetest.Config(strings.Fields(options)...)
		for _, name := range []string{"syslog-tls-ca-cert", "syslog-tls-cert", "syslog-tls-key"} {
			if c.Options[name] != "" {
				c.Options[name] = filepath.Join(dir, c.Options[name])
			}
		}
		c.Options["syslog-address"] = "tcp+tls://127.0.0.1:1"
		if _, err := Open(c); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", options, err, want)
		}
	}
}

// TestDatagrams checks that over UDP each line is a message, and that one too long for a datagram is lost but not the
// next.
func TestDatagrams(t *testing.T) {
	u, err := net.ListenPacket("udp", "127.0.0.1:0")
	remotetest.Must(t, err)
	defer u.Close()
	d := remotetest.Open(t, Open, remotetest.Config("syslog-address=udp://"+u.LocalAddr().String()))
	defer d.Close()
	remotetest.Log(t, d, remotetest.Line(driver.Stdout, "first"))
	if err := d.Log(t.Context(), remotetest.Line(driver.Stdout, strings.Repeat("x", 70000))); err == nil {
		t.Error("a datagram of 70000 bytes is sent")
	}
	remotetest.Log(t, d, remotetest.Line(driver.Stderr, "second"))
	for _, want := range []string{"<30>", "<27>"} {
		b := make([]byte, 70000)
		remotetest.Must(t, u.SetReadDeadline(time.Now().Add(time.Minute)))
		n, _, err := u.ReadFrom(b)
		remotetest.Must(t, err)
		if text := string(b[:n]); !strings.HasPrefix(text, want) || strings.Count(text, "\n") != 1 {
			t.Errorf("%q", text)
		}
	}
}
