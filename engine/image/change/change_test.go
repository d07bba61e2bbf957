package change

import (
	"encoding/json"
	"testing"

	"github.com/containerd/errdefs"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
)

func configured(t testing.TB, text string) *dockerspec.DockerOCIImageConfig {
	var c dockerspec.DockerOCIImageConfig
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		t.Fatal(err)
	}
	return &c
}

func TestChange(t *testing.T) {
	for _, row := range []struct {
		before  string
		changes []string
		want    string
	}{
		{`{}`, []string{`CMD ["a","b c"]`}, `{"Cmd":["a","b c"]}`},
		{`{}`, []string{`cmd echo $HOME`}, `{"Cmd":["/bin/sh","-c","echo $HOME"]}`},
		{`{"Shell":["/bin/bash","-l"]}`, []string{`CMD x`}, `{"Cmd":["/bin/bash","-l","x"],"Shell":["/bin/bash","-l"]}`},
		{`{"Cmd":["old"]}`, []string{`ENTRYPOINT ["e"]`}, `{"Entrypoint":["e"]}`},
		{`{"Cmd":["old"]}`, []string{`CMD ["n"]`, `ENTRYPOINT ["e"]`}, `{"Entrypoint":["e"],"Cmd":["n"]}`},
		{`{"Entrypoint":["e"]}`, []string{`ENTRYPOINT []`}, `{}`},
		{`{"Env":["PATH=/bin","B=1"]}`, []string{`ENV PATH=/x:$PATH A="a b" C='$B' D=${N:-no} E=${B:+yes} F=a\ b`},
			`{"Env":["PATH=/x:/bin","B=1","A=a b","C=$B","D=no","E=yes","F=a b"]}`},
		{`{}`, []string{`ENV name some value`}, `{"Env":["name=some value"]}`},
		{`{}`, []string{"ENV A=1 \\\n B=2", "# nothing", "ENV C=$A$B"}, `{"Env":["A=1","B=2","C=12"]}`},
		{`{}`, []string{`EXPOSE 80 443/TCP 7000-7001/udp`},
			`{"ExposedPorts":{"443/tcp":{},"7000/udp":{},"7001/udp":{},"80/tcp":{}}}`},
		{`{"Labels":{"a":"1"}}`, []string{`LABEL b=2 "c d"="e f"`}, `{"Labels":{"a":"1","b":"2","c d":"e f"}}`},
		{`{}`, []string{`ONBUILD RUN make`}, `{"OnBuild":["RUN make"]}`},
		{`{}`, []string{`USER app:app`, `STOPSIGNAL SIGUSR1`, `WORKDIR /a`, `WORKDIR b`},
			`{"User":"app:app","WorkingDir":"/a/b","StopSignal":"SIGUSR1"}`},
		{`{}`, []string{`VOLUME ["/x y"]`, `VOLUME /a /b`}, `{"Volumes":{"/a":{},"/b":{},"/x y":{}}}`},
		{`{}`, []string{`HEALTHCHECK --interval=5s --retries=2 CMD curl -f x`},
			`{"Healthcheck":{"Test":["CMD-SHELL","curl -f x"],"Interval":5000000000,"Retries":2}}`},
		{`{}`, []string{`HEALTHCHECK CMD ["a"]`}, `{"Healthcheck":{"Test":["CMD","a"]}}`},
		{`{}`, []string{`HEALTHCHECK NONE`}, `{"Healthcheck":{"Test":["NONE"]}}`},
	} {
		c := configured(t, row.before)
		if err := Change(c, row.changes); err != nil {
			t.Errorf("%q: %v", row.changes, err)
			continue
		}
		got, _ := json.Marshal(c)
		want, _ := json.Marshal(configured(t, row.want))
		if string(got) != string(want) {
			t.Errorf("%q:\n got %s\nwant %s", row.changes, got, want)
		}
	}
}

func TestChangeRefused(t *testing.T) {
	for change, want := range map[string]string{
		"RUN x":                      "RUN is not a valid change command",
		"env":                        "ENV requires at least one argument",
		"ENV a":                      "ENV must have two arguments",
		"ENV a=1 b":                  `Syntax error - can't find = in "b". Must be of the form: name=value`,
		"ENV =x":                     "ENV names can not be blank",
		"LABEL a='x":                 "unexpected end of statement while looking for matching single-quote",
		"ENV a=${x":                  `failed to process "${x": bad substitution`,
		"EXPOSE x":                   "invalid containerPort: x",
		"EXPOSE 1/foo":               "invalid proto: foo",
		"EXPOSE 70000":               "invalid containerPort: 70000",
		"USER a b":                   "USER requires exactly one argument",
		"WORKDIR":                    "WORKDIR requires exactly one argument",
		"VOLUME":                     "VOLUME requires at least one argument",
		`VOLUME [""]`:                "VOLUME specified can not be an empty string",
		"STOPSIGNAL SIGNOTHING":      "invalid signal: SIGNOTHING",
		"ONBUILD ONBUILD x":          "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed",
		"ONBUILD FROM x":             "FROM isn't allowed as an ONBUILD trigger",
		"HEALTHCHECK WHAT x":         `Unknown type "WHAT" in HEALTHCHECK (try CMD)`,
		"HEALTHCHECK --interval=1ns": `Interval "interval" cannot be less than 1ms`,
	} {
		err := Change(&dockerspec.DockerOCIImageConfig{}, []string{change})
		if !errdefs.IsInvalidArgument(err) || err.Error() != want {
			t.Errorf("%s: %v, want %s", change, err, want)
		}
	}
}

func FuzzChange(f *testing.F) {
	for _, s := range []string{`ENV a=${b:-"c$d"} e='f'`, "EXPOSE 1-65535/udp", "HEALTHCHECK --interval=1s CMD x",
		"LABEL a\\\nb", "VOLUME [\"/a\"]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c := configured(t, `{"Env":["a=1","b=2"],"Labels":{"x":"y"}}`)
		if err := Change(c, []string{s}); err != nil && !errdefs.IsInvalidArgument(err) {
			t.Error(err)
		}
		for _, v := range c.Env {
			if v == "" || v[0] == '=' {
				t.Errorf("variable %q", v)
			}
		}
	})
}
