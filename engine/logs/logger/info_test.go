package logger

import (
	"maps"
	"os"
	"strings"
	"testing"
	"time"
)

func container(options ...string) *Info {
	i := Info{
		Config: map[string]string{}, ContainerID: "0123456789abcdef", ContainerName: "/web", ContainerEntrypoint: "sh",
		ContainerArgs:    []string{"-c", "x"},
		ContainerImageID: "sha256:0011223344", ContainerImageName: "busybox:1",
		ContainerCreated: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		ContainerEnv:     []string{"A=1", "AB=2=3", "C", "l=variable"},
		ContainerLabels:  map[string]string{"l": "label", "com.x": "<y>"}, LogPath: "/log", DaemonName: "docker",
	}
	for o := range strings.SplitSeq(strings.Join(options, "\n"), "\n") {
		if name, value, ok := strings.Cut(o, "="); ok {
			i.Config[name] = value
		}
	}
	return &i
}

func TestTag(t *testing.T) {
	host, _ := os.Hostname()
	for source, want := range map[string]string{
		"":                                   "0123456789ab",
		"{{.ID}}":                            "0123456789ab",
		"plain":                              "plain",
		"{{.FullID}}":                        "0123456789abcdef",
		"{{.Name}}/{{.ImageName}}":           "web/busybox:1",
		"{{.ImageID}} {{.ImageFullID}}":      "sha256:00112 sha256:0011223344",
		"{{.Command}}":                       "sh -c x",
		"{{.Hostname}}":                      host,
		"{{.DaemonName}}{{.LogPath}}":        "docker/log",
		`{{index .ContainerLabels "com.x"}}`: "<y>",
		"{{json .ContainerLabels}}":          `{"com.x":"<y>","l":"label"}`,
		"{{.ContainerCreated.Year}}":         "2026",
		"{{.ContainerName}} {{len .ContainerEnv}}": "/web 4",
		"{{range .ContainerArgs}}{{.}};{{end}}":    "-c;x;",
		`{{.Config.tag | len}}`:                    "21",
		`{{index .Config "other"}}`:                "",
	} {
		if got, err := container("tag=" + source).Tag("{{.ID}}"); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", source, got, err, want)
		}
	}
	if got, err := container().Tag(""); got != "" || err != nil {
		t.Error(got, err)
	}
	for _, source := range []string{"{{", "{{.Nothing}}", "{{.ID 1}}", "{{odd}}"} {
		if got, err := container("tag=" + source).Tag(""); err == nil {
			t.Errorf("%s: %q", source, got)
		}
	}
}

func TestAttributes(t *testing.T) {
	for options, want := range map[string]map[string]string{
		"":                         nil,
		"labels=l":                 {"l": "label"},
		"labels=gone":              {},
		"labels=gone,com.x":        {"com.x": "<y>"},
		"env=A,C":                  {"A": "1"},
		"env-regex=^A":             {"A": "1", "AB": "2=3"},
		"labels-regex=x$\nenv=A":   {"com.x": "<y>", "A": "1"},
		"labels=l\nenv=l":          {"l": "variable"},
		"labels=l\nlabels-regex=x": {"l": "label", "com.x": "<y>"},
	} {
		got, err := container(options).Attributes()
		if err != nil || !maps.Equal(got, want) || (got == nil) != (want == nil) {
			t.Errorf("%q: %v, %v; want %v", options, got, err, want)
		}
	}
	for _, options := range []string{"env-regex=(", "labels-regex=["} {
		if got, err := container(options).Attributes(); err == nil {
			t.Errorf("%s: %v", options, got)
		}
	}
}
