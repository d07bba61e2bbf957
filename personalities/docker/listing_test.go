package docker

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"box/personalities/docker/clienttest"
)

func listings() map[string]http.HandlerFunc {
	now, zero := time.Now().Unix(), time.Time{}.Unix()
	return map[string]http.HandlerFunc{
		"GET /containers/json": clienttest.Reply(fmt.Sprintf(`[{"Id":"0123456789abcdef","Names":["/web","/other/alias"],"Image":"nginx:1","ImageID":"sha256:fff","Command":"sh -c 'a long command line'",
			"Created":%d,"State":"running","Status":"Up 2 hours","Labels":{"b":"2","a":"1"},"SizeRw":1500,"SizeRootFs":2000000,
			"Ports":[{"IP":"0.0.0.0","PrivatePort":80,"PublicPort":8080,"Type":"tcp"},{"IP":"::","PrivatePort":80,"PublicPort":8080,"Type":"tcp"},
			{"PrivatePort":5000,"Type":"udp"},{"PrivatePort":5001,"Type":"udp"},{"IP":"127.0.0.1","PrivatePort":90,"PublicPort":90,"Type":"tcp"},{"IP":"127.0.0.1","PrivatePort":91,"PublicPort":91,"Type":"tcp"}],
			"Mounts":[{"Type":"volume","Name":"0123456789abcdef0123","Driver":"local"},{"Type":"bind","Source":"/a"}],"NetworkSettings":{"Networks":{"n2":{},"n1":{}}}}]`, now-7200)),
		"GET /images/json": clienttest.Reply(fmt.Sprintf(`[{"Id":"sha256:0123456789abcdef","RepoTags":["a:1","b:2"],"RepoDigests":["a@sha256:d1"],"Created":%d,"Size":1982345,"SharedSize":-1,"Containers":-1},
			{"Id":"sha256:ffffffffffffffff","RepoTags":null,"RepoDigests":null,"Created":%d,"Size":500,"SharedSize":100,"Containers":3}]`, now-60, now-7200)),
		"GET /networks":           clienttest.Reply(`[{"Id":"0123456789abcdef","Name":"zeta","Driver":"bridge","Scope":"local","Created":"2020-01-02T03:04:05Z"},{"Id":"1","Name":"alpha","Driver":"host","Scope":"local","EnableIPv4":true,"Created":"2020-01-02T03:04:05Z"}]`),
		"GET /volumes":            clienttest.Reply(`{"Volumes":[{"Name":"v2","Driver":"local","Scope":"local","Labels":{"k":"v"}},{"Name":"v1","Driver":"local","Scope":"local"}],"Warnings":["half of them"]}`),
		"GET /images/old/history": clienttest.Reply(fmt.Sprintf(`[{"Id":"ffff","Created":%d,"CreatedBy":"a"},{"Id":"<missing>","Created":0,"CreatedBy":"b"}]`, zero)),
		"GET /images/x/history":   clienttest.Reply(fmt.Sprintf(`[{"Id":"sha256:0123456789abcdef","Created":%d,"CreatedBy":"CMD [\"x\"]","Size":0,"Comment":"c"},{"Id":"<missing>","Created":%d,"CreatedBy":"%s","Size":4096}]`, now-60, now-60, strings.Repeat("y", 60))),
	}
}

func TestListings(t *testing.T) {
	f := newFake(t, listings())
	for _, row := range []struct{ args, want string }{
		{"ps", "CONTAINER ID   IMAGE     COMMAND                  CREATED       STATUS       " +
			"PORTS                                                                                                          " +
			"NAMES\n" +
			`0123456789ab   nginx:1   "sh -c 'a long comma…"   2 hours ago   Up 2 hours   127.0.0.1:90-91->90-91/tcp, 5000-5001/udp, 0.0.0.0:8080->80/tcp, [::]:8080->80/tcp   web` + "\n"},
		{"ps -q", "0123456789ab\n"},
		{"ps -q --no-trunc", "0123456789abcdef\n"},
		{"ps --no-trunc --format {{.ID}}|{{.Names}}|{{.Mounts}}|{{.Command}}",
			`0123456789abcdef|web,other/alias|0123456789abcdef0123,/a|"sh -c 'a long command line'"` + "\n"},
		{`ps --format {{.Labels}}|{{.Label` + "\u00a0" +
			`"a"}}|{{.Networks}}|{{.LocalVolumes}}|{{.Mounts}}|{{.State}}|{{.Size}}`,
			"a=1,b=2|1|n1,n2|1|0123456789abcd…,/a|running|1.5kB (virtual 2MB)\n"},
		{"ps --format table\u00a0{{.Names}}\\t{{.Label\u00a0\"a\"}}", "NAMES     a\nweb       1\n"},
		{"images", "REPOSITORY   TAG       IMAGE ID       CREATED              SIZE\na            1         0123456789ab   " +
			"About a minute ago   1.98MB\nb            2         0123456789ab   About a minute ago   1.98MB\n<none>       " +
			"<none>    ffffffffffff   2 hours ago          500B\n"},
		{"images -q", "0123456789ab\n0123456789ab\nffffffffffff\n"},
		{"images --digests --format {{.Repository}}@{{.Digest}}", "a@sha256:d1\nb@<none>\n<none>@<none>\n"},
		{"images --format {{.SharedSize}}/{{.UniqueSize}}/{{.Containers}}", "N/A/N/A/N/A\nN/A/N/A/N/A\n100B/400B/3\n"},
		{"network ls", "NETWORK ID     NAME      DRIVER    SCOPE\n1              alpha     host      local\n0123456789ab   " +
			"zeta      bridge    local\n"},
		{"network ls --format json", `{"CreatedAt":"2020-01-02 03:04:05 +0000 UTC","Driver":"host","ID":"1","IPv4":"true","IPv6":"false","Internal":"false","Labels":"","Name":"alpha","Scope":"local"}` + "\n" +
			`{"CreatedAt":"2020-01-02 03:04:05 +0000 UTC","Driver":"bridge","ID":"0123456789ab","IPv4":"false","IPv6":"false","Internal":"false","Labels":"","Name":"zeta","Scope":"local"}` + "\n"},
		{"volume ls", "DRIVER    VOLUME NAME\nlocal     v1\nlocal     v2\n"},
		{"volume ls -q", "v1\nv2\n"},
		{"history x", "IMAGE          CREATED              CREATED BY                                      SIZE      " +
			"COMMENT\n" +
			"0123456789ab   About a minute ago   CMD [\"x\"]                                       0B        c\n" +
			"<missing>      About a minute ago   " + strings.Repeat("y", 44) + "…   4.1kB     \n"},
		{"history old", "IMAGE      CREATED   CREATED BY   SIZE      COMMENT\nffff       N/A       a            0B        " +
			"\n<missing>   N/A       b            0B        \n"},
		{"history --format {{.CreatedSince}} old", "N/A\nN/A\n"},
		{"history -q x", "0123456789ab\n<missing>\n"},
	} {
		args := strings.Fields(row.args)
		for i := range args {
			args[i] = strings.ReplaceAll(args[i], "\u00a0", " ")
		}
		if strings.Contains(row.args, "\u00a0") {
			args = args[:0]
			for _, word := range strings.Split(row.args, " ") {
				args = append(args, strings.ReplaceAll(word, "\u00a0", " "))
			}
		}
		r := f.Docker(t, "", args...)
		if r.Code != 0 || squeeze(r.Out) != squeeze(row.want) {
			t.Errorf("%s: code %d %s\n got %q\nwant %q", row.args, r.Code, r.Stderr, r.Out, row.want)
		}
	}
}

// squeeze leaves one space of several: the width of a column is the table's affair, tested by TestColumns.
func squeeze(s string) string {
	for strings.Contains(s, "  ") {
		s = strings.ReplaceAll(s, "  ", " ")
	}
	return s
}

func TestColumns(t *testing.T) {
	r := newFake(t, listings()).Docker(t, "", "volume", "ls")
	if r.Out != "DRIVER    VOLUME NAME\nlocal     v1\nlocal     v2\n" || r.Stderr != "half of them\n" {
		t.Errorf("%+v", r)
	}
}

func TestFilters(t *testing.T) {
	f := newFake(t, listings())
	f.Docker(t, "", "ps", "-a", "-n", "3", "-s", "--filter", "status=exited", "-f", "label=a=b")
	if want := `GET /containers/json?all=1&filters=%7B%22label%22%3A%7B%22a%3Db%22%3Atrue%7D%2C%22status%22%3A%7B%22exited%22%3Atrue%7D%7D&limit=3&size=1`; f.Seen[0] != want {
		t.Error(f.Seen[0])
	}
	for format, size := range map[string]bool{"{{.Size}}": true, "table {{.ID}}\t{{.Size}}": true, "{{json .}}": true,
		"{{if false}}{{.Size}}{{end}}": false, "json": false, "{{.ID}}": false, "": false} {
		f.Docker(t, "", "ps", "--format", format)
		if asked := f.Seen[len(f.Seen)-1]; strings.Contains(asked, "size=1") != size {
			t.Errorf("--format %s asks %s", format, asked)
		}
	}
	if r := f.Docker(t, "", "ps", "-f", "zz"); r.Code != 125 ||
		!strings.Contains(r.Stderr, "bad format of filter (expected name=value)") {
		t.Errorf("%+v", r)
	}
}

func TestFormatErrors(t *testing.T) {
	f := newFake(t, listings())
	for format, want := range map[string]string{"{{.": "failed to parse template: ",
		"{{.Nope}}": `failed to execute template: template: :1:2: executing "" at <.Nope>`} {
		if r := f.Docker(t, "", "ps", "--format", format); r.Code != 1 || !strings.HasPrefix(r.Stderr, want) {
			t.Errorf("%s: %+v", format, r)
		}
	}
}

func TestFormatFromSettings(t *testing.T) {
	f := newFake(t, listings())
	home := t.TempDir()
	clienttest.WriteConfig(t, home, `{"psFormat":"{{.Names}}"}`)
	if r := dockerIn(t, home, f.Host, "", "ps"); r.Out != "web\n" {
		t.Errorf("%+v", r)
	}
	if r := dockerIn(t, home, f.Host, "", "ps", "-q"); r.Out != "0123456789ab\n" || r.Stderr != "" {
		t.Errorf("-q is of no account beside the setting: %+v", r)
	}
}
