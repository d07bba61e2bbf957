package health

import (
	"strings"
	"testing"
	"time"

	api "github.com/moby/moby/api/types/container"
)

func TestJudge(t *testing.T) {
	started := time.Unix(1000, 0)
	for _, row := range []struct {
		name    string
		config  api.HealthConfig
		results string // one letter a second: o good, x bad
		want    string // the status after each: s starting, h healthy, u unhealthy
	}{
		{"three failures by default", api.HealthConfig{}, "xxxx", "ssuu"},
		{"a success at once", api.HealthConfig{Retries: 2}, "oxoxxo", "hhhhuh"},
		{"one failure", api.HealthConfig{Retries: 1}, "xox", "uhu"},
		{"failures while it starts do not count", api.HealthConfig{Retries: 1, StartPeriod: 3 * time.Second}, "xxxx", "ssuu"},
		{"once healthy they do", api.HealthConfig{Retries: 1, StartPeriod: 10 * time.Second}, "xox", "shu"},
	} {
		h := Fresh(&api.Config{Healthcheck: &api.HealthConfig{Test: []string{"CMD", "true"}}}, nil)
		got := ""
		for i, r := range row.results {
			result := &api.HealthcheckResult{Start: started.Add(time.Duration(i+1) * time.Second)}
			if r == 'x' {
				result.ExitCode = 1
			}
			h = Judge(h, result, &row.config, started)
			got += string(h.Status)[:1]
		}
		if got != row.want {
			t.Errorf("%s: %s, want %s", row.name, got, row.want)
		}
		if len(h.Log) > kept || !h.Log[len(h.Log)-1].Start.Equal(started.Add(time.Duration(len(row.results))*time.Second)) {
			t.Errorf("%s: log %+v", row.name, h.Log)
		}
	}
}

func TestPause(t *testing.T) {
	c := &api.HealthConfig{Interval: time.Minute, StartPeriod: 10 * time.Second, StartInterval: time.Second}
	for _, row := range []struct {
		status api.HealthStatus
		ran    time.Duration
		want   time.Duration
	}{
		{api.Starting, 0, time.Second}, {api.Starting, 9 * time.Second, time.Second},
		{api.Starting, 10 * time.Second, time.Minute}, {api.Healthy, 0, time.Minute},
	} {
		if got := Pause(&api.Health{Status: row.status}, c, row.ran); got != row.want {
			t.Errorf("%+v: %s", row, got)
		}
	}
	if got := Pause(&api.Health{Status: api.Starting}, &api.HealthConfig{}, 0); got != 30*time.Second {
		t.Error(got)
	}
	if got := Pause(&api.Health{Status: api.Starting}, &api.HealthConfig{StartPeriod: time.Second},
		0); got != 5*time.Second {
		t.Error(got)
	}
}

func TestCommand(t *testing.T) {
	for _, row := range []struct {
		test, shell []string
		want        string
	}{
		{[]string{"CMD", "a", "b"}, nil, "a|b"}, {[]string{"CMD-SHELL", "a b"}, nil, "/bin/sh|-c|a b"},
		{[]string{"CMD-SHELL", "a"}, []string{"/bin/ash", "-xc"}, "/bin/ash|-xc|a"},
		{[]string{"NONE"}, nil, ""}, {[]string{"ODD", "x"}, nil, ""}, {[]string{"CMD"}, nil, ""}, {nil, nil, ""},
	} {
		got := strings.Join(Command(&api.Config{Shell: row.shell, Healthcheck: &api.HealthConfig{Test: row.test}}), "|")
		if got != row.want {
			t.Errorf("%v: %q", row.test, got)
		}
	}
}

func TestOutput(t *testing.T) {
	h := NewOutput(5)
	for _, s := range []string{"abc", "de", ""} {
		if n, err := h.Write([]byte(s)); n != len(s) || err != nil {
			t.Fatal(n, err)
		}
	}
	if h.String() != "abcde" {
		t.Error(h)
	}
	if n, _ := h.Write([]byte("xyz")); n != 3 || h.String() != "abcde..." {
		t.Error(n, h)
	}
}
