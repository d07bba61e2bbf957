package netapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"box/netapi/version"
)

// TestNoEscapes: <, > and & stand for themselves in every reply, of every version.
func TestNoEscapes(t *testing.T) {
	const odd = `<a>&b`
	e := startEdge(t)
	e.must(t, "POST", "/containers/create?name=odd", "application/json",
		[]byte(`{"Image":"edge","Cmd":["`+odd+`"],"Labels":{"l":"`+odd+`"},"HostConfig":{"NetworkMode":"host"}}`))
	e.must(t, "POST", "/commit?container=odd&repo=odd&comment=%3Ca%3E%26b", "", nil)
	e.must(t, "POST", "/volumes/create", "application/json", []byte(`{"Name":"odd","Labels":{"l":"`+odd+`"}}`))
	seen := 0
	for _, v := range []string{version.Min, "1.41", "1.50", version.Max} {
		for _, path := range []string{"/containers/json?all=1", "/containers/odd/json?size=1", "/images/json",
			"/images/odd/json", "/images/odd/history", "/volumes", "/volumes/odd",
			"/system/df", "/info", "/version", "/networks", "/networks/host",
			fmt.Sprintf("/events?since=1&until=%d", time.Now().Unix()+1)} {
			reply := e.must(t, "GET", "/v"+v+path, "", nil)
			if bytes.Contains(reply, []byte(`\u00`)) {
				t.Errorf("%s at %s is escaped: %s", path, v, reply)
			}
			if bytes.Contains(reply, []byte(odd)) {
				seen++
			}
		}
	}
	if seen < 32 {
		t.Errorf("only %d replies have what could be escaped", seen)
	}
	_, lines := e.ask(t, &call{method: "GET"}, "/containers/%3Ca%3E%26b/json", "", nil)
	if !bytes.Contains(lines, []byte(odd)) {
		t.Errorf("an error: %s", lines)
	}
}

// TestOldImageFields are what libraries that take whatever version the daemon has look for in an image, and the
// fields of each version.
func TestOldImageFields(t *testing.T) {
	e := startEdge(t)
	e.must(t, "POST", "/commit?container=running&repo=made&changes=VOLUME%20/v", "", nil)
	for _, row := range []struct {
		version string
		// Whether the fields are there: Container, Config.OnBuild, VirtualSize, Config.Hostname
		container, onBuild, virtual, hosts bool
	}{
		{version.Min, true, true, true, true}, {"1.43", true, true, true, true}, {"1.44", true, true, false, true},
		{"1.45", false, true, false, true}, {"1.49", false, true, false, true},
		{"1.50", false, true, false, false}, {"1.51", false, true, false, false}, {"1.52", false, false, false, false},
		{version.Max, false, false, false, false},
	} {
		for _, image := range []string{"edge", "made"} {
			var i map[string]json.RawMessage
			var config, made map[string]any
			if err := json.Unmarshal(e.must(t, "GET", "/v"+row.version+"/images/"+image+"/json", "", nil), &i); err != nil {
				t.Fatal(err)
			}
			if json.Unmarshal(i["Config"], &config) != nil || json.Unmarshal(i["ContainerConfig"], &made) != nil || made == nil {
				t.Errorf("%s at %s: ContainerConfig is %s", image, row.version, i["ContainerConfig"])
			}
			_, container := i["Container"]
			_, onBuild := config["OnBuild"]
			_, virtual := i["VirtualSize"]
			_, hosts := config["Hostname"]
			if got := []bool{container, onBuild, virtual,
				hosts}; fmt.Sprint(got) != fmt.Sprint([]bool{row.container, row.onBuild, row.virtual, row.hosts}) {
				t.Errorf("%s at %s: %v", image, row.version, got)
			}
		}
	}
}

// TestOldImageFilter: before 1.41 one name could be asked for without the form of filters.
func TestOldImageFilter(t *testing.T) {
	e := startEdge(t)
	for path, want := range map[string]string{
		"/v1.24/images/json?filter=edge": "edge:latest", "/v1.40/images/json?filter=ba*": "bare:latest",
		"/v1.40/images/json?filter=none":                                "",
		`/v1.40/images/json?filter=edge&filters={"reference":["bare"]}`: "bare:latest edge:latest",
		"/v1.41/images/json?filter=edge":                                "bare:latest edge:latest",
		"/v1.24/images/json?filter=":                                    "bare:latest edge:latest",
	} {
		var list []struct{ RepoTags []string }
		if err := json.Unmarshal(e.must(t, "GET", strings.ReplaceAll(path, `"`, "%22"), "", nil), &list); err != nil {
			t.Fatal(err)
		}
		got := map[string]bool{}
		for _, i := range list {
			for _, name := range i.RepoTags {
				got[name] = true
			}
		}
		for _, name := range []string{"bare:latest", "edge:latest"} {
			if got[name] != strings.Contains(want, name) {
				t.Errorf("%s: %v", path, got)
			}
		}
	}
}

// TestLowestVersion is what DOCKER_MIN_API_VERSION may say, and what it does.
func TestLowestVersion(t *testing.T) {
	for text, good := range map[string]bool{version.Min: true, "1.44": true, version.Max: true, "1.21": false,
		"1.99": false, "2.0": false, "x": false, "1": false, "": false, "v1.44": false} {
		if err := version.CheckLowest(text); (err == nil) != good {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, row := range []struct {
		version, lowest string
		good            bool
	}{{"1.22", version.Min, true}, {"1.21", version.Min, false}, {"1.43", "1.44", false}, {"1.44", "1.44", true},
		{"", "1.44", true}, {"1.57", "1.44", false}} {
		if _, err := version.OfPath(row.version, row.lowest); (err == nil) != row.good || err != nil && statusOf(err) != 400 {
			t.Errorf("%q of %s: %v", row.version, row.lowest, err)
		}
	}
}
