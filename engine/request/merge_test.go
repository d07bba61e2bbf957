package request

import (
	"encoding/json"
	"testing"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	api "github.com/moby/moby/api/types/container"
)

// TestMerge: the user's configuration over the image's, field by field as Docker has it.
func TestMerge(t *testing.T) {
	image := `{"User":"img","Env":["A=i","B=i","C=i"],"Labels":{"l":"i","m":"i"},"Entrypoint":["/entry"],"Cmd":["arg"],"WorkingDir":"/w",
		"Volumes":{"/v":{}},"ExposedPorts":{"80/tcp":{},"odd":{}},"StopSignal":"SIGINT","Healthcheck":{"Test":["CMD","x"],"Retries":7}}`
	for _, row := range []struct{ user, want string }{
		{`{}`, `{"User":"img","Env":["A=i","B=i","C=i"],"Labels":{"l":"i","m":"i"},"Entrypoint":["/entry"],"Cmd":["arg"],"WorkingDir":"/w","Volumes":{"/v":{}},"ExposedPorts":{"80/tcp":{}},"StopSignal":"SIGINT"}`},
		{`{"User":"u","WorkingDir":"/u","StopSignal":"SIGHUP"}`, `{"User":"u","WorkingDir":"/u","StopSignal":"SIGHUP"}`},
		{`{"Env":["B=u","C","D="]}`, `{"Env":["B=u","C","D=","A=i"]}`},
		{`{"Labels":{"m":"u","n":"u"}}`, `{"Labels":{"l":"i","m":"u","n":"u"}}`},
		{`{"Cmd":["mine"]}`, `{"Entrypoint":["/entry"],"Cmd":["mine"]}`},
		{`{"Entrypoint":["/mine"]}`, `{"Entrypoint":["/mine"],"Cmd":null}`},
		{`{"Entrypoint":[""]}`, `{"Entrypoint":null,"Cmd":null}`},
		{`{"Entrypoint":[]}`, `{"Entrypoint":[],"Cmd":["arg"]}`},
		{`{"Volumes":{"/u":{}}}`, `{"Volumes":{"/u":{},"/v":{}}}`},
		{`{"ExposedPorts":{"90/udp":{}}}`, `{"ExposedPorts":{"80/tcp":{},"90/udp":{}}}`},
		{`{"Healthcheck":{"Retries":3}}`, `{"Healthcheck":{"Test":["CMD","x"],"Retries":3}}`},
		{`{"Healthcheck":{"Test":["NONE"]}}`, `{"Healthcheck":{"Test":["NONE"],"Retries":7}}`},
	} {
		var user api.Config
		var from dockerspec.DockerOCIImageConfig
		if err := json.Unmarshal([]byte(row.user), &user); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(image), &from); err != nil {
			t.Fatal(err)
		}
		raw, err := json.Marshal(Merge(&user, &from))
		if err != nil {
			t.Fatal(err)
		}
		var got, want map[string]json.RawMessage
		_ = json.Unmarshal(raw, &got)
		if err := json.Unmarshal([]byte(row.want), &want); err != nil {
			t.Fatal(err)
		}
		for field, w := range want {
			if g := string(got[field]); g != string(w) {
				t.Errorf("%s: %s is %s, want %s", row.user, field, g, w)
			}
		}
	}
}

func TestSignal(t *testing.T) {
	for s, want := range map[string]int{
		"9": 9, "KILL": 9, "SIGKILL": 9, "sigterm": 15, "RTMIN": 34, "SIGRTMIN+3": 37, "RTMAX-1": 63, "RTMAX": 64, "65": 65,
		"0": 0, "-1": 0, "": 0, "SIG": 0, "SIGODD": 0, "RTMIN+31": 0, "RTMIN+x": 0, "99999999": 0,
	} {
		if got, err := Signal(s); int(got) != want || (err != nil) != (want == 0) {
			t.Errorf("%q: %v, %v", s, got, err)
		}
	}
}

func TestQuota(t *testing.T) {
	for _, row := range []struct {
		key, value string
		want       int64
		bad        bool
	}{{"size", "10m", 10 << 20, false}, {"SIZE", "1g", 1 << 30, false}, {"size", "x", 0, true}, {"other", "1", 0, true}} {
		if got, err := Quota(map[string]string{row.key: row.value}); got != row.want || (err != nil) != row.bad {
			t.Errorf("%+v: %d, %v", row, got, err)
		}
	}
}

func TestPlatform(t *testing.T) {
	if p, err := Platform(""); p != nil || err != nil {
		t.Error(p, err)
	}
	for text, want := range map[string]string{"linux/arm64": "linux arm64",
		`{"os":"linux","architecture":"s390x"}`: "linux s390x"} {
		if p, err := Platform(text); err != nil || p.OS+" "+p.Architecture != want {
			t.Error(text, p, err)
		}
	}
	for _, text := range []string{"{", `{"os":"linux"}`, "a/b/c/d", "linux//x"} {
		if _, err := Platform(text); err == nil {
			t.Error(text)
		}
	}
}
