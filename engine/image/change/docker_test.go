package change

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
)

// TestVariablesAsDocker: what Docker 20.10 makes of variables, with A=aa, an empty E and B=1 in the image.
func TestVariablesAsDocker(t *testing.T) {
	for change, want := range map[string]string{
		`ENV X=${A}`: "aa", `ENV X=$A$B`: "aa1", `ENV X=${A}b`: "aab", `ENV X=$Ab`: "", `ENV X="$A b"`: "aa b",
		`ENV X='$A b'`: "$A b",
		`ENV X=\$A`:    "$A", `ENV X="\$A"`: "$A", `ENV X="\a"`: `\a`, `ENV X=a\b`: "ab", `ENV X=${N}`: "",
		`ENV X=${N:-d}`: "d",
		`ENV X=${E:-d}`: "d", `ENV X=${A:+p}`: "p", `ENV X=${E:+p}`: "", `ENV X=${N:-${A}}`: "aa", `ENV X=${N:-"q r"}`: "q r",
		`ENV X=${N:-'q r'}`: "q r", `ENV X=$`: "$", `ENV X=a$`: "a$", `ENV X=$$`: "", `ENV X=$1`: "", `ENV X=$12`: "",
		`ENV X=${1}`:     "",
		`ENV X=${A:?no}`: "aa", `ENV X=a=b`: "a=b", `ENV X= `: "", `ENV X=`: "", `ENV X=""`: "", `ENV "X"=a`: "a",
		`ENV X a b  c`: "a b  c",
		`ENV X  "a"`:   "a", `ENV X=${A:-b}c}`: "aac}", `ENV X=한$A`: "한aa", `ENV X=$_`: "", `ENV X=${A_}`: "",
		`ENV X=$A-$B`:    "aa-1",
		`ENV X=a\ b Y=c`: "a b", `ENV X="a"b'c'`: "abc", `ENV  X=a   Y=b`: "a", `ENV X=a Y=$X`: "a",
	} {
		c := configured(t, `{"Env":["A=aa","E=","B=1"]}`)
		if err := Change(c, []string{change}); err != nil || len(c.Env) < 4 || c.Env[3] != "X="+want {
			t.Errorf("%s: %q %v, want %q", change, c.Env, err, want)
		}
		if change == `ENV X=a Y=$X` && c.Env[4] != "Y=" {
			t.Errorf("a variable is seen in its own line: %q", c.Env)
		}
	}
	for change, says := range map[string]string{
		`ENV X=${N:?no}`: `failed to process "${N:?no}": N: no`, `ENV X=${N?no}`: `failed to process "${N?no}": N: no`,
		`ENV X=${A!b}`: "in substitution", `ENV X=${A`: "", `ENV X=${`: "", `ENV X=${}`: "bad substitution",
		`ENV X=${:-a}`: "bad substitution",
		`ENV X="a`:     "unexpected end of statement while looking for matching double-quote", `ENV X=${A:-b`: "missing '}'",
		`ENV X=a # b`: `Syntax error - can't find = in "#". Must be of the form: name=value`,
		`ENV X=` + strings.Repeat("${N:-", 100) + strings.Repeat("}", 100): "nested too deep",
	} {
		c := configured(t, `{"Env":["A=aa"]}`)
		if err := Change(c, []string{change}); !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), says) ||
			len(c.Env) != 1 {
			t.Errorf("%s: %v, %q", change, err, c.Env)
		}
	}
}

// TestInstructionsAsDocker: what Docker 20.10 makes of the other instructions, and what it refuses.
func TestInstructionsAsDocker(t *testing.T) {
	const before = `"Env":["A=aa","B=1"]`
	for change, want := range map[string]string{
		`LABEL a=`: `{"Labels":{"a":""}}`, `LABEL a=$A`: `{"Labels":{"a":"aa"}}`, `LABEL "$A"=x`: `{"Labels":{"aa":"x"}}`,
		`LABEL a="b\"c"`: `{"Labels":{"a":"b\"c"}}`, `LABEL a=b a=c`: `{"Labels":{"a":"c"}}`,
		`EXPOSE $B`: `{"ExposedPorts":{"1/tcp":{}}}`, `EXPOSE 80/udp 80`: `{"ExposedPorts":{"80/tcp":{},"80/udp":{}}}`,
		`EXPOSE 1000-1002`: `{"ExposedPorts":{"1000/tcp":{},"1001/tcp":{},"1002/tcp":{}}}`,
		`EXPOSE 0`:         `{"ExposedPorts":{"0/tcp":{}}}`,
		`EXPOSE 8080:80`:   `{"ExposedPorts":{"80/tcp":{}}}`, `EXPOSE 127.0.0.1::80`: `{"ExposedPorts":{"80/tcp":{}}}`,
		`EXPOSE 80/sctp`: `{"ExposedPorts":{"80/sctp":{}}}`,
		`USER $A`:        `{"User":"aa"}`, `USER a:b`: `{"User":"a:b"}`, `WORKDIR x`: `{"WorkingDir":"/x"}`,
		`WORKDIR $A/c`: `{"WorkingDir":"/aa/c"}`,
		`VOLUME a`:     `{"Volumes":{"a":{}}}`, `VOLUME ["/a"`: `{"Volumes":{"[/a":{}}}`,
		`VOLUME /$A`: `{"Volumes":{"/aa":{}}}`,
		`CMD`:        `{"Cmd":["/bin/sh","-c"]}`, `CMD ["a"`: `{"Cmd":["/bin/sh","-c","[\"a\""]}`,
		`CMD echo "a"`:          `{"Cmd":["/bin/sh","-c","echo \"a\""]}`,
		`ENTRYPOINT ["a", "b"]`: `{"Entrypoint":["a","b"]}`, `ENTRYPOINT a b`: `{"Entrypoint":["/bin/sh","-c","a b"]}`,
		`ONBUILD RUN`: `{"OnBuild":["RUN"]}`, `ONBUILD run  a  b`: `{"OnBuild":["run  a  b"]}`,
		`HEALTHCHECK --timeout=1s --start-period=2s CMD a`: `{"Healthcheck":{"Test":["CMD-SHELL","a"],"Timeout":1000000000,` +
			`"StartPeriod":2000000000}}`,
	} {
		c := configured(t, `{`+before+`}`)
		if err := Change(c, []string{change}); err != nil {
			t.Errorf("%s: %v", change, err)
			continue
		}
		got, _ := json.Marshal(c)
		all, _ := json.Marshal(configured(t, `{`+before+`,`+want[1:]))
		if string(got) != string(all) {
			t.Errorf("%s:\n got %s\nwant %s", change, got, all)
		}
	}
	for change, says := range map[string]string{
		`LABEL a`: "LABEL must have two arguments", `EXPOSE`: "EXPOSE requires at least one argument",
		`EXPOSE 5-3`:   "nvalid containerPort: 5-3",
		`EXPOSE 65536`: "nvalid containerPort: 65536", `EXPOSE 80:`: "nvalid containerPort",
		`USER`:       "USER requires exactly one argument",
		`WORKDIR ""`: "cannot normalize nothing", `WORKDIR $N`: "cannot normalize nothing",
		`VOLUME []`:                "VOLUME requires at least one argument",
		`CMD [1]`:                  "arrays must be comprised of strings only",
		`ENTRYPOINT ["a",null,{}]`: "arrays must be comprised of strings only",
		`VOLUME [{}]`:              "arrays must be comprised of strings only",
		`HEALTHCHECK CMD [1]`:      "arrays must be comprised of strings only",
		`ONBUILD`:                  "ONBUILD requires at least one argument",
		`ONBUILD MAINTAINER x`:     "MAINTAINER isn't allowed as an ONBUILD trigger",
		`HEALTHCHECK`:              "HEALTHCHECK requires at least one argument",
		`HEALTHCHECK CMD`:          "Missing command after HEALTHCHECK CMD",
		`HEALTHCHECK NONE x`:       "HEALTHCHECK NONE takes no arguments", `HEALTHCHECK --retries=-1 CMD a`: "--retries",
		`HEALTHCHECK --retries=x CMD a`: "",
		`HEALTHCHECK --foo=1 CMD a`:     "nknown flag: ", `HEALTHCHECK --interval=-1s CMD a`: "interval",
		`HEALTHCHECK --timeout=1 CMD a`: "missing unit",
		`MAINTAINER x`:                  "is not a valid change command", `COPY a b`: "is not a valid change command",
		`SHELL ["x"]`: "is not a valid change command",
	} {
		if err := Change(configured(t, `{`+before+`}`), []string{change}); !errdefs.IsInvalidArgument(err) ||
			!strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %s", change, err, says)
		}
	}
}

// TestNothingIsHalfChanged: an instruction that is none is told before any is done, and what a configuration pointed to
// is not written to.
func TestNothingIsHalfChanged(t *testing.T) {
	c := configured(t, `{"Env":["A=1"],"Labels":{"a":"1"},"Volumes":{"/v":{}},"ExposedPorts":{"1/tcp":{}},`+
		`"OnBuild":["RUN x"]}`)
	before := *c
	if err := Change(c, []string{"ENV B=2", "RUN x"}); err == nil || len(c.Env) != 1 {
		t.Errorf("%q %v", c.Env, err)
	}
	if err := Change(c, []string{"ENV A=2", "LABEL a=2 b=3", "VOLUME /w", "EXPOSE 2", "ONBUILD RUN y"}); err != nil {
		t.Fatal(err)
	}
	if before.Env[0] != "A=1" || len(before.Labels) != 1 || before.Labels["a"] != "1" || len(before.Volumes) != 1 ||
		len(before.ExposedPorts) != 1 || len(before.OnBuild) != 1 {
		t.Errorf("the one before is %+v", before)
	}
	if err := Change(c, []string{"ENV A=" + strings.Repeat("x", maxChanges)}); !errdefs.IsInvalidArgument(err) {
		t.Errorf("a change without end: %v", err)
	}
}
