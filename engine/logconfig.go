package engine

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/containerd/errdefs"
	api "github.com/moby/moby/api/types/container"

	"box/engine/ident"
	"box/engine/lifecycle"
	"box/engine/logs"
	"box/engine/task"
	"box/template"
)

// defaultLog is the driver of containers that ask for none when the daemon has no other.
const defaultLog = "json-file"

// logFiles is where the container's log can be read; its path is "" when it cannot.
func (e *Engine) logFiles(rec *lifecycle.Record) logs.Files {
	return logs.Place(rec.Host.LogConfig.Type, rec.Host.LogConfig.Config, e.dir(rec.ID), rec.ID)
}

// logOf is what the keeper needs to know of a container's log. The folder of the log file is made.
func (e *Engine) logOf(rec *lifecycle.Record) (task.Log, error) {
	c := rec.Host.LogConfig
	files := e.logFiles(rec)
	l := task.Log{Driver: c.Type, Path: files.Path, Options: c.Config}
	if c.Type == "none" {
		return l, nil
	}
	if files.Path != "" && filepath.Dir(files.Path) != e.dir(rec.ID) {
		if err := os.MkdirAll(filepath.Dir(files.Path), 0o700); err != nil {
			return l, fmt.Errorf(task.RefusedLog+"%w", err)
		}
	}
	if c.Type == "local" {
		return l, nil
	}
	var err error
	if l.Tag, err = logTag(rec, files.Path); err == nil {
		l.Attrs, err = logAttributes(rec)
	}
	if err != nil {
		return l, fmt.Errorf(task.RefusedLog+"%w", err)
	}
	if c.Type != defaultLog {
		l.ID, l.Name, l.Created = rec.ID, rec.Name, rec.Created
		l.ImageID, l.ImageName, l.Command = rec.Image, rec.Config.Image, commandOf(rec)
	}
	return l, nil
}

func commandOf(rec *lifecycle.Record) string {
	return strings.Join(append([]string{rec.Path}, rec.Args...), " ")
}

// logTag evaluates the option tag, which json-file has only when it is asked for.
func logTag(rec *lifecycle.Record, path string) (string, error) {
	c := rec.Host.LogConfig
	source := c.Config["tag"]
	switch {
	case source == "" && c.Type == defaultLog:
		return "", nil
	case source == "", source == "{{.ID}}":
		return ident.Short(rec.ID), nil
	}
	t, err := template.ParseNamed("log-tag", source)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	err = t.Execute(&b, tagData(rec, path))
	return b.String(), err
}

// tagData is what a tag may ask for, under the names that Docker has.
func tagData(rec *lifecycle.Record, path string) *template.Object {
	host, _ := os.Hostname()
	o := &template.Object{Type: "*logger.Info", Escape: true, Hidden: map[string]any{}}
	for _, v := range []struct {
		key   string
		value any
	}{
		{"Config", object(rec.Host.LogConfig.Config)}, {"ContainerID", rec.ID}, {"ContainerName", "/" + rec.Name}, {"ContainerEntrypoint", rec.Path},
		{"ContainerArgs", list(rec.Args)}, {"ContainerImageID", rec.Image}, {"ContainerImageName", rec.Config.Image},
		{"ContainerCreated", rec.Created.UTC().String()}, {"ContainerEnv", list(rec.Config.Env)}, {"ContainerLabels", object(rec.Config.Labels)},
		{"LogPath", path}, {"DaemonName", "docker"},
	} {
		o.Set(v.key, v.value)
	}
	for _, v := range [][2]string{ // methods
		{"ID", ident.Short(rec.ID)}, {"FullID", rec.ID}, {"Name", rec.Name}, {"ImageID", rec.Image[:min(12, len(rec.Image))]}, {"ImageFullID", rec.Image},
		{"ImageName", rec.Config.Image}, {"Command", commandOf(rec)}, {"Hostname", host},
	} {
		o.Hidden[v[0]] = v[1]
	}
	return o
}

func object(m map[string]string) *template.Object {
	o := &template.Object{Values: map[string]any{}}
	for key, v := range m {
		o.Set(key, v)
	}
	return o
}

func list(l []string) []any {
	out := []any{}
	for _, s := range l {
		out = append(out, s)
	}
	return out
}

// logAttributes are the labels and variables that the options labels, labels-regex, env and env-regex choose.
func logAttributes(rec *lifecycle.Record) (map[string]string, error) {
	env := map[string]string{}
	for _, v := range rec.Config.Env {
		if name, value, ok := strings.Cut(v, "="); ok {
			env[name] = value
		}
	}
	options := rec.Host.LogConfig.Config
	labels, err := choose(rec.Config.Labels, options["labels"], options["labels-regex"])
	if err != nil {
		return nil, err
	}
	variables, err := choose(env, options["env"], options["env-regex"])
	if err != nil {
		return nil, err
	}
	if labels == nil {
		return variables, nil
	}
	maps.Copy(labels, variables)
	return labels, nil
}

// choose takes from m the names of a list with commas and those that an expression matches; nil for none.
func choose(m map[string]string, names, expression string) (map[string]string, error) {
	if names == "" && expression == "" {
		return nil, nil
	}
	chosen := map[string]string{}
	for _, name := range strings.Split(names, ",") {
		if v, ok := m[name]; ok {
			chosen[name] = v
		}
	}
	if expression == "" {
		return chosen, nil
	}
	re, err := regexp.Compile(expression)
	if err != nil {
		return nil, err
	}
	for name, v := range m {
		if re.MatchString(name) {
			chosen[name] = v
		}
	}
	return chosen, nil
}

// CheckLog refuses a default of the daemon's that no container could use.
func CheckLog(c api.LogConfig) error {
	if err := logs.Validate(c.Type, c.Config); err != nil {
		return fmt.Errorf("failed to set log opts: %w: %w", err, errdefs.ErrInvalidArgument)
	}
	return nil
}
