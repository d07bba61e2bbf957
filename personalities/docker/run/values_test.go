package run

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// inJSON is what a value is in a request.
func inJSON(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// Every key of --mount, and its place in the request.
func TestMountKeys(t *testing.T) {
	for _, row := range []struct{ spec, want string }{
		{"dst=/x", `{"Type":"volume","Target":"/x"}`},
		{"type=volume,source=v,target=/x", `{"Type":"volume","Source":"v","Target":"/x"}`},
		{"TYPE=Volume,SRC=V,Destination=/X", `{"Type":"volume","Source":"V","Target":"/X"}`},
		{"type=bind,src=/a,dst=/b,readonly", `{"Type":"bind","Source":"/a","Target":"/b","ReadOnly":true}`},
		{"type=bind,src=/a,dst=/b,ro=true", `{"Type":"bind","Source":"/a","Target":"/b","ReadOnly":true}`},
		{"type=bind,src=/a,dst=/b,ro=0", `{"Type":"bind","Source":"/a","Target":"/b"}`},
		{"type=bind,src=/a,dst=/b,consistency=CACHED", `{"Type":"bind","Source":"/a","Target":"/b","Consistency":"cached"}`},
		{"type=bind,src=/a,dst=/b,bind-propagation=RSLAVE", `{"Type":"bind","Source":"/a","Target":"/b","BindOptions":{` +
			`"Propagation":"rslave"}}`},
		{"type=bind,src=/a,dst=/b,bind-nonrecursive", `{"Type":"bind","Source":"/a","Target":"/b","BindOptions":{` +
			`"NonRecursive":true}}`},
		{"type=bind,src=/a,dst=/b,bind-create-src", `{"Type":"bind","Source":"/a","Target":"/b","BindOptions":{` +
			`"CreateMountpoint":true}}`},
		{"type=bind,src=/a,dst=/b,bind-recursive=enabled", `{"Type":"bind","Source":"/a","Target":"/b","BindOptions":{}}`},
		{"type=bind,src=/a,dst=/b,bind-recursive=disabled", `{"Type":"bind","Source":"/a","Target":"/b","BindOptions":{` +
			`"NonRecursive":true}}`},
		{"type=bind,src=/a,dst=/b,bind-recursive=writable", `{"Type":"bind","Source":"/a","Target":"/b","BindOptions":{` +
			`"ReadOnlyNonRecursive":true}}`},
		{"type=bind,src=/a,dst=/b,ro,bind-recursive=readonly", `{"Type":"bind","Source":"/a","Target":"/b","ReadOnly":true,` +
			`"BindOptions":{"ReadOnlyForceRecursive":true}}`},
		{"src=v,dst=/b,volume-nocopy", `{"Type":"volume","Source":"v","Target":"/b","VolumeOptions":{"NoCopy":true}}`},
		{"src=v,dst=/b,volume-subpath=a/b", `{"Type":"volume","Source":"v","Target":"/b","VolumeOptions":{"Subpath":"a/b"}}`},
		{"src=v,dst=/b,volume-label=a=1,volume-label=b", `{"Type":"volume","Source":"v","Target":"/b","VolumeOptions":{` +
			`"Labels":{"a":"1","b":""}}}`},
		{`src=v,dst=/b,volume-driver=local,"volume-opt=o=a,b",volume-opt=type=nfs`,
			`{"Type":"volume","Source":"v","Target":` +
				`"/b","VolumeOptions":{"DriverConfig":{"Name":"local","Options":{"o":"a,b","type":"nfs"}}}}`},
		{"type=tmpfs,dst=/b", `{"Type":"tmpfs","Target":"/b"}`},
		{"type=tmpfs,dst=/b,tmpfs-size=1m,tmpfs-mode=1770", `{"Type":"tmpfs","Target":"/b","TmpfsOptions":{"SizeBytes":` +
			`1048576,"Mode":1016}}`},
		{"type=image,src=i,dst=/b,image-subpath=etc", `{"Type":"image","Source":"i","Target":"/b","ImageOptions":{` +
			`"Subpath":"etc"}}`},
		{"tmpfs-size=5,dst=/b,type=tmpfs", `{"Type":"tmpfs","Target":"/b","TmpfsOptions":{"SizeBytes":5}}`},
		{`type=bind,"src=/a,b",dst=/b`, `{"Type":"bind","Source":"/a,b","Target":"/b"}`},
		{"type=bind,src=/a=b,dst=/b", `{"Type":"bind","Source":"/a=b","Target":"/b"}`},
		{"type=npipe,src=a,dst=b", `{"Type":"npipe","Source":"a","Target":"b"}`}, // the daemon knows its types
	} {
		m, err := mountSpec(row.spec)
		if got := inJSON(t, m); err != nil || got != row.want {
			t.Errorf("%s: %s %v\nwant %s", row.spec, got, err, row.want)
		}
	}
}

func TestMountRefuses(t *testing.T) {
	for _, row := range []struct{ spec, says string }{
		{"", "EOF"},
		{"type=bind,src=/a", "target is required"},
		{"type=,dst=/b", "type is required"},
		{"dst", "invalid field 'dst' must be a key=value pair"},
		{"dst=/b,color=red", "unexpected key 'color' in 'color=red'"},
		{"dst=/b,ro=maybe", "invalid value for ro: maybe"},
		{"dst=/b,volume-nocopy=maybe", "invalid value for volume-nocopy: maybe"},
		{"type=bind,dst=/b,bind-recursive=some", "invalid value for bind-recursive: some"},
		{"type=bind,dst=/b,bind-recursive=readonly", "requires 'readonly' to be specified"},
		{"type=tmpfs,dst=/b,tmpfs-size=big", "invalid value for tmpfs-size: big"},
		{"type=tmpfs,dst=/b,tmpfs-mode=9", "invalid value for tmpfs-mode: 9"},
		{"type=bind,src=/a,dst=/b,volume-nocopy", "cannot mix 'volume-*' options with mount type 'bind'"},
		{"type=tmpfs,dst=/b,bind-propagation=shared", "cannot mix 'bind-*' options with mount type 'tmpfs'"},
		{"src=v,dst=/b,image-subpath=x", "cannot mix 'image-*' options with mount type 'volume'"},
		{`dst="/b`, `bare " in non-quoted-field`},
	} {
		if _, err := mountSpec(row.spec); err == nil || !strings.Contains(err.Error(), row.says) {
			t.Errorf("%s: %v, want %q", row.spec, err, row.says)
		}
	}
}

// What -p publishes: port=address:host port, in order.
func TestPublished(t *testing.T) {
	for _, row := range []struct{ specs, want string }{
		{"80", "80/tcp=:"},
		{"8080:80", "80/tcp=:8080"},
		{"8080:80/UDP", "80/udp=:8080"},
		{"53:53/sctp", "53/sctp=:53"},
		{"127.0.0.1::80", "80/tcp=127.0.0.1:"},
		{"127.0.0.1:8080:80", "80/tcp=127.0.0.1:8080"},
		{"[::1]:8080:80", "80/tcp=::1:8080"},
		{"::1:8080:80", "80/tcp=::1:8080"},
		{"0.0.0.0:80:80 [::]:80:80", "80/tcp=0.0.0.0:80 80/tcp=:::80"},
		{"8000-8002:80-82", "80/tcp=:8000 81/tcp=:8001 82/tcp=:8002"},
		{"80-81", "80/tcp=: 81/tcp=:"},
		{"8000-8010:80", "80/tcp=:8000-8010"},
		{"8000-8000:80", "80/tcp=:8000"},
		{"80:80 80:80/udp 81:80", "80/tcp=:80 80/tcp=:81 80/udp=:80"},
		{"65535:65535", "65535/tcp=:65535"},
		{"target=80", "80/tcp=:"},
		{"target=80,published=8080", "80/tcp=:8080"},
		{"TARGET=80,Published=8080-8081,PROTOCOL=udp,mode=host", "80/udp=:8080-8081"},
		{"target=80-81,published=90-91,mode=ingress", "80/tcp=:90 81/tcp=:91"},
	} {
		exposed, bound, err := portSpecs(strings.Fields(row.specs))
		var got []string
		for port, all := range bound {
			if _, ok := exposed[port]; !ok {
				t.Errorf("%s: %s is bound, and not exposed", row.specs, port)
			}
			for _, b := range all {
				host := ""
				if b.HostIP.IsValid() {
					host = b.HostIP.String()
				}
				got = append(got, port.String()+"="+host+":"+b.HostPort)
			}
		}
		slices.Sort(got)
		if err != nil || strings.Join(got, " ") != row.want || len(exposed) != len(bound) {
			t.Errorf("%s: %q %v, want %s", row.specs, got, err, row.want)
		}
	}
	for _, bad := range []string{"", ":", "80:", "x", "x:80", "80:x", "65536", "65536:80", "80:65536", "-1", "80-", "-80",
		"90-80", "80-81:80-82", "1-2:1-3", "80/", "80/tcp/udp", "host:80:80", "1.2.3.4.5:80:80", "target=", "published=80",
		"target=80,mode=maybe", "target=80,name=x", "target=80,published", "target=80,protocol=x", "a:b:c:d"} {
		if _, bound, err := portSpecs([]string{bad}); err == nil {
			t.Errorf("%q is accepted: %v", bad, bound)
		}
	}
}

func TestExposed(t *testing.T) {
	for _, row := range []struct{ specs, want string }{
		{"80", "80/tcp"}, {"80/udp", "80/udp"}, {"80/UDP 80", "80/tcp 80/udp"}, {"80-82/sctp", "80/sctp 81/sctp 82/sctp"},
		{"65535-65535", "65535/tcp"},
	} {
		set, _, err := portSpecs(nil)
		if err == nil {
			err = exposePorts(strings.Fields(row.specs), set)
		}
		var got []string
		for port := range maps.Keys(set) {
			got = append(got, port.String())
		}
		slices.Sort(got)
		if err != nil || strings.Join(got, " ") != row.want {
			t.Errorf("%s: %q %v", row.specs, got, err)
		}
	}
	for _, bad := range []string{"", "x", "80:80", "65536", "82-80", "80-", "-1", "80/"} {
		set, _, _ := portSpecs(nil)
		if err := exposePorts([]string{bad}, set); err == nil ||
			err.Error() != "invalid port format for --expose: "+bad {
			t.Errorf("%q: %v, %v", bad, err, set)
		}
	}
}

func TestDeviceMappings(t *testing.T) {
	for _, row := range []struct{ spec, want string }{
		{"/dev/a", "/dev/a /dev/a rwm"},
		{"/dev/a:/dev/b", "/dev/a /dev/b rwm"},
		{"/dev/a:r", "/dev/a /dev/a r"},
		{"/dev/a:wm", "/dev/a /dev/a wm"},
		{"/dev/a:/dev/b:mrw", "/dev/a /dev/b mrw"},
	} {
		m, err := deviceMapping(row.spec)
		if got := strings.Join([]string{m.PathOnHost, m.PathInContainer, m.CgroupPermissions}, " "); err != nil ||
			got != row.want {
			t.Errorf("%s: %s %v", row.spec, got, err)
		}
	}
	for _, bad := range []string{"", ":/dev/b", "/dev/a:/dev/b:x", "/dev/a:/dev/b:rr", "/dev/a:/dev/b:", "/dev/a:b",
		"/dev/a:/dev/b:r:w", "/dev/a:"} {
		if m, err := deviceMapping(bad); err == nil {
			t.Errorf("%q is accepted: %+v", bad, m)
		}
	}
}

func TestGPURequests(t *testing.T) {
	for _, row := range []struct{ spec, want string }{
		{"all", `[{"Driver":"","Count":-1,"DeviceIDs":null,"Capabilities":[["gpu"]],"Options":{}}]`},
		{"2", `[{"Driver":"","Count":2,"DeviceIDs":null,"Capabilities":[["gpu"]],"Options":{}}]`},
		{"count=all", `[{"Driver":"","Count":-1,"DeviceIDs":null,"Capabilities":[["gpu"]],"Options":{}}]`},
		{`"device=0,1"`, `[{"Driver":"","Count":0,"DeviceIDs":["0","1"],"Capabilities":[["gpu"]],"Options":{}}]`},
		{"driver=nvidia", `[{"Driver":"nvidia","Count":1,"DeviceIDs":null,"Capabilities":[["gpu"]],"Options":{}}]`},
		{`driver=x,"capabilities=compute,video","options=a=1,b"`, `[{"Driver":"x","Count":1,"DeviceIDs":null,` +
			`"Capabilities":[["compute","video","gpu"]],"Options":{"a":"1","b":""}}]`},
	} {
		var g gpuSpec
		err := g.UnmarshalText([]byte(row.spec))
		if got := inJSON(t, g); err != nil || got != row.want {
			t.Errorf("%s: %s %v", row.spec, got, err)
		}
	}
	for _, row := range []struct{ spec, says string }{
		{"", "EOF"}, {"some", `invalid count (some): value must be either "all" or an integer: invalid syntax`},
		{"count=1,count=2", "gpu request key 'count' can be specified only once"}, {"1,count=2", "only once"},
		{"color=red", "unexpected key 'color' in 'color=red'"}, {"99999999999999999999", "value out of range"},
	} {
		var g gpuSpec
		if err := g.UnmarshalText([]byte(row.spec)); err == nil || !strings.Contains(err.Error(), row.says) {
			t.Errorf("%q: %v", row.spec, err)
		}
	}
}

func TestNumbers(t *testing.T) {
	for _, row := range []struct {
		text string
		want nanoCPUs
		err  string
	}{
		{"1", 1e9, ""}, {"1.5", 15e8, ""}, {"0.000000001", 1, ""}, {"1/2", 5e8, ""}, {"1e-9", 1, ""}, {"-1", -1e9, ""},
		{"0", 0, ""}, {"", 0, "failed to parse  as a rational number"}, {"x", 0, "failed to parse x"},
		{"0.0000000001", 0, "value is too precise"}, {"1/3", 0, "value is too precise"}, {"1e30", 0, "value is too precise"},
		{"1/0", 0, "failed to parse 1/0"},
	} {
		var n nanoCPUs
		if err := n.UnmarshalText([]byte(row.text)); n != row.want || (err == nil) != (row.err == "") ||
			err != nil && !strings.Contains(err.Error(), row.err) {
			t.Errorf("--cpus %q: %d %v", row.text, n, err)
		}
	}
	for _, row := range []struct {
		text string
		want swapSize
		bad  bool
	}{
		{"-1", -1, false}, {"1", 1, false}, {"1k", 1024, false}, {"1.5G", 3 << 29, false}, {"1 MiB", 1 << 20, false},
		{"-2", 0, true}, {"", 0, true}, {"1q", 0, true}, {"k", 0, true},
	} {
		var n swapSize
		if err := n.UnmarshalText([]byte(row.text)); (err != nil) != row.bad || err == nil && n != row.want {
			t.Errorf("--memory-swap %q: %d %v", row.text, n, err)
		}
	}
}

// Files of variables, one line a row.
func TestVariableFiles(t *testing.T) {
	own := func(name string) string { return map[string]string{"FOO": "bar"}[name] }
	for _, row := range []struct {
		text string
		want []string
		says string
	}{
		{"", nil, ""}, {"\n\n", nil, ""}, {"# A=1\n  # B=2\n", nil, ""},
		{"A=1\nB=2", []string{"A=1", "B=2"}, ""}, {"A=1\r\nB=2\r\n", []string{"A=1", "B=2"}, ""},
		{"\ufeffA=1", []string{"A=1"}, ""}, {"  A=1 ", []string{"A=1 "}, ""}, {"A=", []string{"A="}, ""},
		{"A=b=c # d", []string{"A=b=c # d"}, ""}, {`A="x"`, []string{`A="x"`}, ""},
		{"FOO\nMISSING\n", []string{"FOO=bar"}, ""}, {"A=1\nA=2", []string{"A=1", "A=2"}, ""},
		{"ä.b-c=1", []string{"ä.b-c=1"}, ""},
		{"=x", nil, "no variable name on line '=x'"}, {"A B=1", nil, "variable 'A B' contains whitespaces"},
		{"A =1", nil, "variable 'A ' contains whitespaces"}, {"A=1\nB=\xff", nil, "line 2: invalid utf8 bytes"},
		{"A=" + strings.Repeat("x", 1<<17), nil, "token too long"},
	} {
		path := filepath.Join(t.TempDir(), "env")
		if err := os.WriteFile(path, []byte(row.text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := readPairs(path, own)
		if (err == nil) != (row.says == "") || err != nil && !strings.Contains(err.Error(), row.says) ||
			err == nil && !reflect.DeepEqual(got, row.want) {
			t.Errorf("%.40q: %.80q %v", row.text, got, err)
		}
	}
	path := filepath.Join(t.TempDir(), "labels")
	os.WriteFile(path, []byte("a\nb=1\n"), 0o600)
	if got, err := readPairs(path, nil); err != nil || !slices.Equal(got, []string{"a", "b=1"}) {
		t.Errorf("labels: %q %v", got, err)
	}
}
