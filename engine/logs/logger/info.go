// Package logger computes what accompanies each line of a container's log: the tag, a template over the container,
// and the labels and variables that options choose.
package logger

import (
	"maps"
	"os"
	"regexp"
	"strings"
	"time"

	"box/engine/ident"
	"box/templates"
)

// Info is the data for the template of a tag. It and its package are named as in Docker, because template errors name
// them.
type Info struct {
	Config              map[string]string // options of the driver
	ContainerID         string
	ContainerName       string // with a leading slash
	ContainerEntrypoint string
	ContainerArgs       []string
	ContainerImageID    string
	ContainerImageName  string
	ContainerCreated    time.Time
	ContainerEnv        []string
	ContainerLabels     map[string]string
	LogPath             string
	DaemonName          string
}

// ID returns the container's short ID.
func (i *Info) ID() string { return ident.Short(i.ContainerID) }

// FullID returns the container's ID.
func (i *Info) FullID() string { return i.ContainerID }

// Name returns the container's name without the slash.
func (i *Info) Name() string { return strings.TrimPrefix(i.ContainerName, "/") }

// ImageID returns the first twelve characters of the image's ID.
func (i *Info) ImageID() string { return i.ContainerImageID[:min(12, len(i.ContainerImageID))] }

// ImageFullID returns the image's ID.
func (i *Info) ImageFullID() string { return i.ContainerImageID }

// ImageName returns the image's name as the user gave it.
func (i *Info) ImageName() string { return i.ContainerImageName }

// Command returns the program with its arguments.
func (i *Info) Command() string {
	return strings.Join(append([]string{i.ContainerEntrypoint}, i.ContainerArgs...), " ")
}

// Hostname returns the host's name.
func (i *Info) Hostname() (string, error) { return os.Hostname() }

// Tag expands the option tag, or byDefault if the option is empty.
func (i *Info) Tag(byDefault string) (string, error) {
	source := i.Config["tag"]
	switch {
	case source == "" && byDefault == "":
		return "", nil
	case source == "":
		source = byDefault
	}
	if source == "{{.ID}}" {
		return i.ID(), nil // the usual tag needs no parser
	}
	t, err := templates.Parse("log-tag", source)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	err = t.Execute(&b, i)
	return b.String(), err
}

// Attributes returns the labels and variables that the options labels, labels-regex, env and env-regex choose, nil
// for none. A variable overrides a label of the same name.
func (i *Info) Attributes() (map[string]string, error) {
	env := map[string]string{}
	for _, v := range i.ContainerEnv {
		if name, value, ok := strings.Cut(v, "="); ok {
			env[name] = value
		}
	}
	labels, err := choose(i.ContainerLabels, i.Config["labels"], i.Config["labels-regex"])
	if err != nil {
		return nil, err
	}
	variables, err := choose(env, i.Config["env"], i.Config["env-regex"])
	if err != nil {
		return nil, err
	}
	if labels == nil {
		return variables, nil
	}
	maps.Copy(labels, variables)
	return labels, nil
}

// choose selects the names in a comma-separated list and those that match an expression; nil if neither is given.
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
