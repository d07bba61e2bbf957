package network

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
)

func TestHosts(t *testing.T) {
	address := []netip.Addr{netip.MustParseAddr("172.17.0.2")}
	for _, row := range []struct {
		hostname, domain string
		addresses        []netip.Addr
		extra            []string
		want             string // after the fixed lines
	}{
		{"web", "", address, nil, "172.17.0.2\tweb\n"},
		{"web", "example.org", address, nil, "172.17.0.2\tweb.example.org web\n"},
		{"web.example.org", "", address, nil, "172.17.0.2\tweb.example.org web\n"},
		{"web", "", nil, nil, ""},
		{"web", "", address, []string{"db:10.0.0.5", "six:[2001:db8::1]", "seven:2001:db8::7"},
			"10.0.0.5\tdb\n2001:db8::1\tsix\n2001:db8::7\tseven\n172.17.0.2\tweb\n"},
		{"web", "", nil, []string{"nothing", "a b:1.2.3.4", "evil:1.2.3.4\n5.6.7.8 bank", ":1.2.3.4", "x:"}, ""},
	} {
		got := string(Hosts(row.hostname, row.domain, row.addresses, row.extra))
		rest, ok := strings.CutPrefix(got, hostsHead)
		if !ok || rest != row.want {
			t.Errorf("%+v: %q", row, got)
		}
	}
}

func TestResolvConf(t *testing.T) {
	for _, row := range []struct {
		name, host      string
		dns             []string
		search, options []string
		want            string
	}{
		{"inherited", "# by hand\nsearch a b\nnameserver 10.0.0.1\n", nil, nil, nil,
			"# by hand\nsearch a b\nnameserver 10.0.0.1\n"},
		{"no newline at the end", "nameserver 10.0.0.1", nil, nil, nil, "nameserver 10.0.0.1\n"},
		{"loopback only", "nameserver 127.0.0.53\noptions edns0\n", nil, nil, nil, "options edns0\n" + publicServers},
		{"loopback and another", "nameserver 127.0.0.1\nnameserver ::1\nnameserver 10.0.0.1\n", nil, nil, nil,
			"nameserver 10.0.0.1\n"},
		{"IPv6 only", "nameserver 2001:db8::53\n", nil, nil, nil, publicServers},
		{"empty", "", nil, nil, nil, publicServers},
		{"given servers", "search a\nnameserver 10.0.0.1\noptions x\n", []string{"1.1.1.1", "2001:db8::53"}, nil, nil,
			"search a\nnameserver 1.1.1.1\nnameserver 2001:db8::53\noptions x\n"},
		{"given search", "search a\nnameserver 10.0.0.1\n", nil, []string{"c", "d"}, nil,
			"search c d\nnameserver 10.0.0.1\n"},
		{"no search", "search a\nnameserver 10.0.0.1\n", nil, []string{"."}, nil, "nameserver 10.0.0.1\n"},
		{"given options", "nameserver 127.0.0.1\n", nil, nil, []string{"ndots:2"}, publicServers + "options ndots:2\n"},
		{"last search counts", "search a\nsearch b c\nnameserver 10.0.0.1\n", nil, nil, []string{"o"},
			"search b c\nnameserver 10.0.0.1\noptions o\n"},
	} {
		var dns []netip.Addr
		for _, s := range row.dns {
			dns = append(dns, netip.MustParseAddr(s))
		}
		if got := string(ResolvConf([]byte(row.host), dns, row.search, row.options)); got != row.want {
			t.Errorf("%s: %q, want %q", row.name, got, row.want)
		}
	}
}

// FuzzResolvConf checks that a container gets a name server, and none on a loopback address, whatever the host's file
// holds.
func FuzzResolvConf(f *testing.F) {
	f.Add([]byte("nameserver 127.0.0.53\n"))
	f.Add([]byte("nameserver\t10.0.0.1 x\r\nsearch .\n"))
	f.Fuzz(func(t *testing.T, host []byte) {
		for _, out := range [][]byte{ResolvConf(host, nil, nil, nil), ResolvConf(host, nil, []string{"s"}, nil)} {
			servers := values(out, "nameserver")
			if len(servers) == 0 {
				t.Errorf("no name server in %q", out)
			}
			for _, s := range servers {
				if first, _, _ := strings.Cut(s, " "); !reachable(first) {
					t.Errorf("name server %q in %q", s, out)
				}
			}
			if !bytes.HasSuffix(out, []byte("\n")) {
				t.Errorf("no newline at the end of %q", out)
			}
		}
	})
}
