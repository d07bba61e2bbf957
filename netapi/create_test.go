package netapi

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// TestCreateKeeps: what a container is created with is kept as Docker keeps it, and refused as there.
func TestCreateKeeps(t *testing.T) {
	e := startEdge(t)
	e.must(t, "POST", "/images/load", "application/x-tar", archiveOf(t, []string{
		"config.json", `{"architecture":"amd64","os":"linux","config":{"Cmd":["echo"],"Env":["FOO=image"]},"rootfs":{"type":"layers"}}`,
		"manifest.json", `[{"Config":"config.json","RepoTags":["variable:latest"],"Layers":[]}]`,
	}))
	for _, row := range []struct{ body, want, fails string }{
		{body: `{"Image":"edge","Env":["NAME","A=","A=1","PATH","NAME"," "]}`,
			want: `"Env":["NAME","A=","A=1","PATH","NAME"," "]`},
		{body: `{"Image":"variable","Env":["FOO"]}`, want: `"Env":["FOO"]`},
		{body: `{"Image":"variable","Env":["X=y"]}`, want: `"Env":["X=y","FOO=image"]`},
		{body: `{"Image":"variable"}`, want: `"Env":["FOO=image"]`},
		{body: `{"Image":"edge","Cmd":[""]}`, want: `"Path":""`},
		{body: `{"Image":"edge","Entrypoint":[""],"Cmd":["",""]}`, want: `"Args":[""]`},
		{body: `{"Image":"bare","Entrypoint":[""]}`, fails: "no command specified"},
		{body: `{"Image":"edge","Env":["=x"]}`, fails: "invalid environment variable: =x"},
		{body: `{"Image":"edge","Volumes":{"a":{}}}`, fails: "invalid mount path: 'a' mount path must be absolute"},
		{body: `{"Image":"edge","Volumes":{"/a":{},"../b":{}}}`, fails: "mount path must be absolute"},
		{body: `{"Image":"edge","HostConfig":{"Ulimits":[null,{"Name":"nofile","Soft":1,"Hard":2},null],"BlkioWeightDevice":[null],"BlkioDeviceReadBps":[null]}}`, want: `"Ulimits":[{"Name":"nofile","Hard":2,"Soft":1}]`},
		{body: `{"Image":"edge","NetworkingConfig":{"EndpointsConfig":{"host":null}}}`,
			fails: "no EndpointSettings for host"},
		{body: `{"Image":"edge","MacAddress":5}`, fails: "cannot unmarshal number into"},
		{body: `{"Image":"edge","StopTimeout":99999999999999999999}`,
			fails: "cannot unmarshal number 99999999999999999999 into"},
		{body: `{"Image":"edge","HostConfig":{"PortBindings":{"80/tcp":[{"HostPort":"x"}]}}}`,
			fails: `invalid port specification: \"x\"`},
		{body: `{"Image":"edge","Volumes":{"/a":{}}}`, want: `"Destination":"/a"`},
	} {
		status, reply := e.ask(t, &call{method: "POST"}, "/containers/create", "application/json", []byte(row.body))
		if row.fails != "" {
			if status != http.StatusBadRequest || !strings.Contains(string(reply), row.fails) {
				t.Errorf("%s: %d %s", row.body, status, reply)
			}
			continue
		}
		var made struct{ ID string }
		if err := json.Unmarshal(reply, &made); err != nil || status != http.StatusCreated {
			t.Fatalf("%s: %d %s", row.body, status, reply)
		}
		if got := string(e.must(t, "GET", "/containers/"+made.ID+"/json", "", nil)); !strings.Contains(got, row.want) {
			t.Errorf("%s: %s", row.body, got)
		}
	}
}
