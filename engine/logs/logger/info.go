// Package logger makes what goes with each line of a container's log: the tag, a template over the container, and the
// labels and variables that options choose.
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

// Info is what a template of a tag may ask for. It and its package are called as in Docker, since errors of templates
// name them.
type Info struct {
	Config              map[string]string // options of the driver
	ContainerID         string
	ContainerName       string // with a slash before it
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

// ID is the short form of the container's.
func (i *Info) ID() string { return ident.Short(i.ContainerID) }

// FullID is the container's.
func (i *Info) FullID() string { return i.ContainerID }

// Name is the container's, without the slash.
func (i *Info) Name() string { return strings.TrimPrefix(i.ContainerName, "/") }

// ImageID is the first twelve characters of the image's.
func (i *Info) ImageID() string { return i.ContainerImageID[:min(12, len(i.ContainerImageID))] }

// ImageFullID is the image's.
func (i *Info) ImageFullID() string { return i.ContainerImageID }

// ImageName is what the container was made from, as the user called it.
func (i *Info) ImageName() string { return i.ContainerImageName }

// Command is the program with its arguments.
func (i *Info) Command() string {
	return strings.Join(append([]string{i.ContainerEntrypoint}, i.ContainerArgs...), " ")
}

// Hostname is this host's.
func (i *Info) Hostname() (string, error) { return os.Hostname() }

// Tag evaluates the option tag; byDefault stands in for one that is empty.
func (i *Info) Tag(byDefault string) (string, error) {
	source := i.Config["tag"]
	switch {
	case source == "" && byDefault == "":
		return "", nil
	case source == "":
		source = byDefault
	}
	if source == "{{.ID}}" {
		return i.ID(), nil // what nearly all have, without the parser
	}
	t, err := templates.Parse("log-tag", source)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	err = t.Execute(&b, i)
	return b.String(), err
}

// Attributes are the labels and variables that the options labels, labels-regex, env and env-regex choose; nil for
// none. Of a label and a variable of one name the variable holds.
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

// choose takes from m the names of a list with commas and those that an expression matches; nil when neither is given.
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
