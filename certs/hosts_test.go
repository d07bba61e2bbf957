package certs

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"net"
	"slices"
	"strings"
	"testing"
)

func TestCheckHost(t *testing.T) {
	for host, ok := range map[string]bool{
		"box.example": true, "10.0.0.7": true, "::1": true, "fe80::1%eth0": false, "*.example": true, "a_b-c.d": true,
		"localhost": true, strings.Repeat("a", 63): true, strings.Repeat("a", 64): false, "": false, ".": false,
		"a..b": false, "a.": false, ".a": false, "*": false, "a.*.b": false, "**.a": false, "a b": false, "a/b": false,
		"a:2376": false, "bücher.example": false, "a\x00b": false, "tcp://a": false, "[::1]": false, "999.1.1.1": true,
	} {
		if err := CheckHost(host); (err == nil) != ok {
			t.Errorf("%q: %v", host, err)
		}
	}
}

// TestCheckName: a client's name becomes that of a folder, and leads nowhere else.
func TestCheckName(t *testing.T) {
	for name, ok := range map[string]bool{
		"anna": true, "anna@example.com": true, "A-1_b.c": true, strings.Repeat("a", 64): true, "7": true,
		"": false, ".": false, "..": false, ".ssh": false, "-rf": false, "a/b": false, "../x": false, "a b": false,
		"a\n": false, "é": false, strings.Repeat("a", 65): false, "a\x00": false, "~": false,
	} {
		if err := CheckName(name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// TestLocalHosts: what a daemon on this machine is called can be in a certificate, each name once.
func TestLocalHosts(t *testing.T) {
	hosts := LocalHosts()
	for i, h := range hosts {
		if err := CheckHost(h); err != nil || slices.Index(hosts, h) != i {
			t.Errorf("%q: %v", h, err)
		}
	}
	for _, want := range []string{"localhost", "127.0.0.1", "::1"} {
		if !slices.Contains(hosts, want) {
			t.Errorf("%s is not among %q", want, hosts)
		}
	}
}

// TestUseOf: what a certificate is for is told by what it says, and by its hosts where it says nothing.
func TestUseOf(t *testing.T) {
	server, client := x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth
	for name, row := range map[string]struct {
		c           x509.Certificate
		use         string
		serve, come bool // may be a daemon's, a client's
	}{
		"an authority": {x509.Certificate{IsCA: true}, "authority", true, true},
		"a server's":   {x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{server}}, "server", true, false},
		"a client's":   {x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{client}}, "client", false, true},
		"both": {x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{client, server}}, "server and client", true,
			true},
		"any":                {x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}, "client", true, true},
		"no word":            {x509.Certificate{}, "any", true, true},
		"no word, but hosts": {x509.Certificate{IPAddresses: []net.IP{net.IPv6loopback}}, "server", true, true},
		"mail": {x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection}}, "other",
			false, false},
		"something unknown": {x509.Certificate{UnknownExtKeyUsage: []asn1.ObjectIdentifier{{1, 2}}}, "other", false, false},
	} {
		if got := UseOf(&row.c); got != row.use {
			t.Errorf("%s is of use %q, want %q", name, got, row.use)
		}
		if (usable(&row.c, server) == nil) != row.serve || (usable(&row.c, client) == nil) != row.come {
			t.Errorf("%s: %v, %v", name, usable(&row.c, server), usable(&row.c, client))
		}
	}
}

// TestName: who holds a certificate is told by the name, else the first host, else all that it says.
func TestName(t *testing.T) {
	for want, c := range map[string]x509.Certificate{
		"anna":     {Subject: pkix.Name{CommonName: "anna"}, DNSNames: []string{"h"}},
		"h":        {Subject: pkix.Name{Organization: []string{"o"}}, DNSNames: []string{"h", "i"}},
		"O=o,C=KR": {Subject: pkix.Name{Organization: []string{"o"}, Country: []string{"KR"}}},
	} {
		if got := Name(&c); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
