package network_test

import (
	"net/http"
	"reflect"
	"strings"
	"testing"

	"box/personalities/docker"
	"box/personalities/docker/clienttest"
)

// What network create sends for each flag, as the difference to what it sends without any.
func TestCreateBody(t *testing.T) {
	f := clienttest.New(t, docker.Main, map[string]http.HandlerFunc{
		"POST /networks/create": clienttest.Reply(`{"Id":"net"}`)})
	send := func(args ...string) map[string]any {
		t.Helper()
		if r := f.Docker(t, "", append(append([]string{"network", "create"}, args...), "n")...); r.Code != 0 ||
			r.Out != "net\n" {
			t.Errorf("network create %q: %+v", args, r)
		}
		return clienttest.Decoded(t, f.Bodies["POST /networks/create"]).(map[string]any)
	}
	plain := send()
	if plain["Name"] != "n" || plain["Driver"] != "bridge" || plain["Internal"] != false {
		t.Errorf("without flags: %v", plain)
	}
	for _, row := range []struct{ flags, member, want string }{
		{"-d macvlan", "Driver", `"macvlan"`},
		{"--internal", "Internal", `true`},
		{"--attachable", "Attachable", `true`},
		{"--ingress", "Ingress", `true`},
		{"--config-only", "ConfigOnly", `true`},
		{"--config-from base", "ConfigFrom", `{"Network":"base"}`},
		{"--scope swarm", "Scope", `"swarm"`},
		{"--ipv6", "EnableIPv6", `true`},
		{"--ipv6=false", "EnableIPv6", `false`},
		{"--ipv4=false", "EnableIPv4", `false`},
		{"-o a=1 -o b", "Options", `{"a":"1","b":""}`},
		{"--label a=1 --label b", "Labels", `{"a":"1","b":""}`},
		{"--ipam-driver null", "IPAM", `{"Driver":"null","Options":{},"Config":[]}`},
		{"--ipam-opt a=b", "IPAM", `{"Driver":"default","Options":{"a":"b"},"Config":[]}`},
		{"--subnet 10.1.0.0/16 --gateway 10.1.0.9 --ip-range 10.1.2.0/24 --aux-address x=10.1.0.5", "IPAM",
			`{"Driver":"default","Options":{},"Config":[{"Subnet":"10.1.0.0/16","IPRange":"10.1.2.0/24",` +
				`"Gateway":"10.1.0.9","AuxiliaryAddresses":{"x":"10.1.0.5"}}]}`},
		{"--subnet 10.1.0.0/16,fd00::/64", "IPAM", `{"Driver":"default","Options":{},"Config":[{"Subnet":"10.1.0.0/16"},` +
			`{"Subnet":"fd00::/64"}]}`},
	} {
		body := send(strings.Fields(row.flags)...)
		if !reflect.DeepEqual(body[row.member], clienttest.Decoded(t, []byte(row.want))) {
			t.Errorf("%s: %s is %v", row.flags, row.member, body[row.member])
		}
		for key := range body {
			if key != row.member && !reflect.DeepEqual(body[key], plain[key]) {
				t.Errorf("%s also changes %s to %v", row.flags, key, body[key])
			}
		}
	}
}

// What network connect sends for each flag.
func TestConnectBody(t *testing.T) {
	f := clienttest.New(t, docker.Main, map[string]http.HandlerFunc{
		"POST /networks/n/connect": func(http.ResponseWriter, *http.Request) {}})
	for _, row := range []struct {
		flags string
		path  []string
		want  string
	}{
		{"--alias a --alias b,c", []string{"Aliases"}, `["a","b","c"]`},
		{"--link db:x --link y", []string{"Links"}, `["db:x","y"]`},
		{"--ip 10.0.0.9", []string{"IPAMConfig", "IPv4Address"}, `"10.0.0.9"`},
		{"--ip6 fd00::9", []string{"IPAMConfig", "IPv6Address"}, `"fd00::9"`},
		{"--link-local-ip 169.254.1.1", []string{"IPAMConfig", "LinkLocalIPs"}, `["169.254.1.1"]`},
		{"--driver-opt a=b --driver-opt c=d", []string{"DriverOpts"}, `{"a":"b","c":"d"}`},
		{"--gw-priority 7", []string{"GwPriority"}, `7`},
		{"--gw-priority -7", []string{"GwPriority"}, `-7`},
	} {
		args := append([]string{"network", "connect"}, strings.Fields(row.flags)...)
		r := f.Docker(t, "", append(args, "n", "c")...)
		body := clienttest.Decoded(t, f.Bodies["POST /networks/n/connect"])
		got := clienttest.At(body, append([]string{"EndpointConfig"}, row.path...)...)
		if r.Code != 0 || r.Out != "" || clienttest.At(body, "Container") != "c" ||
			!reflect.DeepEqual(got, clienttest.Decoded(t, []byte(row.want))) {
			t.Errorf("%s: %+v sent %v", row.flags, r, body)
		}
	}
	asked := len(f.Seen)
	for _, bad := range []string{"--ip x", "--ip 10.0.0.0/8", "--ip6 x", "--link-local-ip x", "--driver-opt novalue",
		"--gw-priority x"} {
		args := append([]string{"network", "connect"}, strings.Fields(bad)...)
		if r := f.Docker(t, "", append(args, "n", "c")...); r.Code == 0 || r.Stderr == "" {
			t.Errorf("%s: %+v", bad, r)
		}
	}
	if r := f.Docker(t, "", "network", "connect", "--driver-opt", "=v", "n", "c"); r.Code != 1 ||
		r.Stderr != "invalid key/value pair format in driver options\n" {
		t.Errorf("%+v", r)
	}
	if strings.Contains(strings.Join(f.Seen[asked:], " "), "connect") {
		t.Errorf("the daemon is asked with values that are wrong: %q", f.Seen[asked:])
	}
}

func TestDisconnectBody(t *testing.T) {
	f := clienttest.New(t, docker.Main, map[string]http.HandlerFunc{
		"POST /networks/n/disconnect":  func(http.ResponseWriter, *http.Request) {},
		"POST /networks/zz/disconnect": clienttest.Refuse(404, "network zz not found")})
	for _, row := range []struct {
		args  string
		force bool
	}{{"n c", false}, {"-f n c", true}} {
		r := f.Docker(t, "", append([]string{"network", "disconnect"}, strings.Fields(row.args)...)...)
		body := clienttest.Decoded(t, f.Bodies["POST /networks/n/disconnect"])
		force, _ := clienttest.At(body, "Force").(bool)
		if r.Code != 0 || r.Out != "" || clienttest.At(body, "Container") != "c" || force != row.force {
			t.Errorf("%s: %+v sent %v", row.args, r, body)
		}
	}
	if r := f.Docker(t, "", "network", "disconnect", "zz", "c"); r.Code != 1 ||
		r.Stderr != "Error response from daemon: network zz not found\n" {
		t.Errorf("%+v", r)
	}
}

// With -f, networks that are missing are passed over in silence; others are still errors.
func TestRemove(t *testing.T) {
	f := clienttest.New(t, docker.Main, map[string]http.HandlerFunc{
		"DELETE /networks/a":    func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) },
		"DELETE /networks/zz":   clienttest.Refuse(404, "network zz not found"),
		"DELETE /networks/used": clienttest.Refuse(403, "network used has active endpoints")})
	for _, row := range []struct {
		args, out, stderr string
		code              int
	}{
		{"a zz", "a\n", "Error response from daemon: network zz not found\n", 1},
		{"-f used a", "a\n", "Error response from daemon: network used has active endpoints\n", 1},
	} {
		r := f.Docker(t, "", append([]string{"network", "rm"}, strings.Fields(row.args)...)...)
		if r.Code != row.code || r.Out != row.out || r.Stderr != row.stderr {
			t.Errorf("network rm %s: %+v", row.args, r)
		}
	}
	if r := f.Docker(t, "", "network", "rm", "-f", "zz", "a"); r.Code != 0 || r.Stderr != "" {
		t.Errorf("network rm -f zz a: %+v", r)
	}
}
