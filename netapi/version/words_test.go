package version

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/containerd/errdefs"
)

// TestWordsAlone: what is a list of words may be one word, in a request to create a container and in one to commit it.
func TestWordsAlone(t *testing.T) {
	for _, row := range []struct {
		body                         string
		cmd, entrypoint, shell, caps []string
	}{
		{`{"Cmd":"echo hi"}`, []string{"echo hi"}, nil, nil, nil},
		{`{"Cmd":["a","b"],"Entrypoint":"sh","Shell":"x"}`, []string{"a", "b"}, []string{"sh"}, []string{"x"}, nil},
		{`{"Image":"i","Cmd":null,"Entrypoint":[]}`, nil, []string{}, nil, nil},
		{`{"Image":"i","Entrypoint":""}`, nil, []string{""}, nil, nil},
		{`{"Image":"i","HostConfig":{"CapAdd":"ALL","PortBindings":{"1/tcp":[{"HostIp":""}]}}}`, nil, nil, nil,
			[]string{"ALL"}},
		{`{"Image":"i","HostConfig":{"CapAdd":["A","B"]}}`, nil, nil, nil, []string{"A", "B"}},
	} {
		q, err := DecodeCreate(json.RawMessage(row.body))
		if err != nil || q.Config == nil {
			t.Errorf("%s: %v", row.body, err)
			continue
		}
		var caps []string
		if q.HostConfig != nil {
			caps = q.HostConfig.CapAdd
		}
		for _, list := range [][2][]string{{q.Cmd, row.cmd}, {q.Entrypoint, row.entrypoint}, {q.Shell, row.shell},
			{caps, row.caps}} {
			if !slices.Equal(list[0], list[1]) || (list[0] == nil) != (list[1] == nil) {
				t.Errorf("%s: %q, want %q", row.body, list[0], list[1])
			}
		}
	}
	for body, want := range map[string]string{
		`{"Cmd":5}`: "", `{"Cmd":{}}`: "", `{"Env":"A=b"}`: "", `{"HostConfig":{"Dns":"1.1.1.1"}}`: "",
		`{"Healthcheck":{"Test":"x"}}`: "", ` `: "",
		`{"HostConfig":{"PortBindings":{"x/tcp":[]}}}`:       `invalid port specification: "x"`,
		`{"HostConfig":{"PortBindings":{"70000/udp":null}}}`: `invalid port specification: "70000"`,
	} {
		if q, err := DecodeCreate(json.RawMessage(body)); !errdefs.IsInvalidArgument(err) ||
			want != "" && err.Error() != want {
			t.Errorf("%s: %+v %v", body, q, err)
		}
	}
}
