package rules

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestParse: what may be in a file, and that a rule is written as it is read.
func TestParse(t *testing.T) {
	all, err := Parse("rules", strings.NewReader(`
# what I want to know
memory > 90% for 5m   # and why
memory>60 %for 90s on web-*,db not web-1 at edge*
cpu over 150% for 1h
restarts > 3 an hour
	restarts > 10 on ci-*
unhealthy for 1m
stopped
disk > 95%
inodes > 90.5%
disk full within 24h
certificate ends within 14d
host memory > 95% for 10m
host cpu > 99%
host gone for 1m30s
daemon gone at a,b
webhook https://u:p@hooks.example.org/x?y=#z
`))
	if err != nil {
		t.Fatal(err)
	}
	want := `memory > 90% for 5m
memory > 60% for 90s on web-*,db not web-1 at edge*
cpu > 150% for 1h
restarts > 3
restarts > 10 on ci-*
unhealthy for 1m
stopped
disk > 95%
inodes > 90.5%
disk full within 1d
certificate ends within 2w
host memory > 95% for 10m
host cpu > 99%
host gone for 90s
daemon gone at a,b
`
	got := ""
	for _, r := range all.Rules {
		got += r.String() + "\n"
	}
	if got != want {
		t.Errorf("it reads\n%s\nwant\n%s", got, want)
	}
	if fmt.Sprint(all.Webhooks) != "[https://u:p@hooks.example.org/x?y=#z]" {
		t.Errorf("webhooks %q", all.Webhooks)
	}
	if again, err := Parse("again", strings.NewReader(want)); err != nil ||
		fmt.Sprint(again.Rules) != fmt.Sprint(all.Rules) {
		t.Errorf("what was written reads %v, %v", again.Rules, err)
	}
	var lines []string
	for _, r := range Default().Rules {
		lines = append(lines, r.String())
	}
	if again, err := Parse("default", strings.NewReader(strings.Join(lines, "\n"))); err != nil ||
		fmt.Sprint(again) != fmt.Sprint(Default()) {
		t.Errorf("the default reads %v, %v", again, err)
	}
}

// TestParseErrors: what is wrong is told by line, all of it at once, with what would be right.
func TestParseErrors(t *testing.T) {
	for line, want := range map[string]string{
		"memroy > 90%":                       `"memroy" is no rule; there are: certificate ends, cpu, daemon gone, disk,`,
		"host":                               `"host" is no rule`,
		"memory":                             "memory: over what? for example: memory > 90%",
		"memory > 90":                        `memory: "90" is no limit; for example: memory > 90%`,
		"memory > -1%":                       `memory: "-1%" is no limit`,
		"memory > NaN%":                      `memory: "NaN%" is no limit`,
		"memory > x%":                        `memory: "x%" is no limit`,
		"restarts > 3%":                      `restarts: "3%" is no limit; for example: restarts > 3`,
		"restarts > 3 a day":                 `restarts: "a" does not belong there`,
		"unhealthy for":                      "for: what follows is missing",
		"unhealthy for ever":                 `for: "ever" is no duration, as 90s, 5m, 24h or 14d are`,
		"unhealthy for -5m":                  `for: "-5m" is no duration`,
		"unhealthy for 1e300d":               `for: "1e300d" is no duration`,
		"unhealthy for NaNd":                 `for: "NaNd" is no duration`,
		"unhealthy for 5m for 6m":            "for: there are two of it",
		"unhealthy on [":                     `on: "[" is no pattern of names`,
		"unhealthy on a,,b":                  `on: "" is no pattern of names`,
		"unhealthy within 5m":                `unhealthy: "within" does not belong there`,
		"disk full":                          "disk full: within what time? for example: disk full within 24h",
		"disk full on web":                   `disk full: "on" does not belong there`,
		"stopped please":                     `stopped: "please" does not belong there`,
		"stopped\nstopped":                   `"stopped" is there already`,
		"webhook":                            "webhook: one address is needed",
		"webhook ftp://x":                    "webhook: \"ftp://x\" is no address that begins with http:// or https://",
		"webhook http://a\nwebhook http://a": "is there already",
	} {
		_, err := Parse("my.rules", strings.NewReader("unhealthy\n\n"+line+"\n"))
		n := 3 + strings.Count(line, "\n")
		if err == nil || !strings.HasPrefix(err.Error(), fmt.Sprintf("my.rules:%d: ", n)) ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want line %d: %s", line, err, n, want)
		}
	}
	_, err := Parse("r", strings.NewReader("a\nb\nunhealthy\nc\n"))
	if got := strings.Count(fmt.Sprint(err), "is no rule"); got != 3 {
		t.Errorf("%d errors are told: %v", got, err)
	}
	for _, text := range []string{strings.Repeat("#", maxFile+10), strings.Repeat("# x\n", maxFile/4+1)} {
		if _, err := Parse("r", strings.NewReader(text)); err == nil {
			t.Error("a file without end is read")
		}
	}
}

// FuzzParse: whatever a file holds, what is read is written in a way that reads the same.
func FuzzParse(f *testing.F) {
	f.Add("memory > 90% for 5m on a,b* not c at d\nrestarts > 3 an hour\ndisk full within 24h # x")
	f.Fuzz(func(t *testing.T, text string) {
		all, err := Parse("f", strings.NewReader(text))
		if err != nil {
			return
		}
		for _, r := range all.Rules {
			again, err := Parse("again", strings.NewReader(r.String()))
			if err != nil || len(again.Rules) != 1 || again.Rules[0].String() != r.String() {
				t.Errorf("%q reads %v, %v", r, again.Rules, err)
			}
		}
	})
}

// TestSpan: durations are read as they are written.
func TestSpan(t *testing.T) {
	for _, d := range []time.Duration{time.Second, 90 * time.Second, time.Hour, 36 * time.Hour, 21 * 24 * time.Hour,
		1500 * time.Millisecond} {
		if got, err := duration(span(d)); got != d || err != nil {
			t.Errorf("%s is written %s and reads %s, %v", d, span(d), got, err)
		}
	}
}
