package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"box/engine/task"
	"box/fs/drivers"
	"box/personalities/cmd"
	"box/personalities/top/push"
)

// Load reads and checks the options of a command line and of the files that it names. If the error is ErrHelp, the
// options are good for printing help only.
func Load(env *cmd.Env) (*Options, error) {
	o := &Options{}
	u, p, err := o.parse(env)
	if err != nil {
		return o, err
	}
	if o.Version {
		return o, nil
	}
	if err := o.readFile(env, u, p); err != nil {
		return o, &cmd.Exit{Code: 1, Err: err}
	}
	o.driverOfEnvironment(env)
	o.noteUnused(u)
	if err := o.check(env.Getenv, p.Set); err != nil {
		return o, &cmd.Exit{Code: 1, Err: err}
	}
	return o, nil
}

// parse parses the command line, after the options in --opts-file if there is one, so that the command line takes
// precedence.
func (o *Options) parse(env *cmd.Env) (*cmd.Usage, *cmd.Parsed, error) {
	u := o.Usage()
	p, err := cmd.Parse(u, env.Args)
	if err != nil || o.OptsFile == "" {
		return u, p, err
	}
	path := at(env, o.OptsFile)
	words, err := readOptions(path)
	if err != nil {
		return u, p, &cmd.Exit{Code: 1, Err: err}
	}
	*o = Options{}
	u = o.Usage()
	p, err = cmd.Parse(u, append(words, env.Args...))
	if err != nil && !errors.Is(err, cmd.ErrHelp) {
		return u, p, fmt.Errorf("%w\n(with DOCKER_OPTS of %s)", err, path)
	}
	return u, p, err
}

// driverOfEnvironment takes the storage driver that $DOCKER_DRIVER names, before any other, as Docker does.
func (o *Options) driverOfEnvironment(env *cmd.Env) {
	if name := env.Getenv("DOCKER_DRIVER"); name != "" {
		o.StorageDriver = name
		o.Notes = append(o.Notes, "Setting the storage driver from the $DOCKER_DRIVER environment variable ("+name+")")
	}
}

// noteUnused collects the notes about options that have no effect.
func (o *Options) noteUnused(u *cmd.Usage) {
	for _, option := range u.Fields() {
		if said, ok := option.Value().(*unused); ok {
			o.Notes = append(o.Notes, *said...)
		}
	}
}

// readFile reads daemon.json. It is an error if a file that was given by flag does not exist.
func (o *Options) readFile(env *cmd.Env, u *cmd.Usage, p *cmd.Parsed) error {
	raw, err := readConfig(at(env, o.ConfigFile))
	if errors.Is(err, os.ErrNotExist) && !p.Set("config-file") {
		return nil
	}
	var file []pair
	if err == nil {
		file, err = parseConfig(raw)
	}
	if err == nil {
		err = apply(u, file, p.Set)
	}
	if err != nil {
		return fmt.Errorf("unable to configure the Docker daemon with file %s: %w", o.ConfigFile, err)
	}
	return nil
}

// at makes a path of the command line absolute.
func at(env *cmd.Env, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(env.Dir, path)
}

// defaultRoot is the default data root.
const defaultRoot = "/var/lib/docker"

// Usage describes the daemon's command line.
func (o *Options) Usage() *cmd.Usage {
	return &cmd.Usage{Path: "dockerd", Synopsis: "[OPTIONS]", Summary: "The container daemon.", Options: o,
		Vars: map[string]string{
			"dataRoot": defaultRoot, "databases": push.Forms, "drivers": strings.Join(drivers.Names(), ", "),
			"runtimes": strings.Join(task.Runtimes(), ", "), "noIPv6": "containers have only IPv4",
			"noSwarm":    "there is no swarm mode",
			"noRealtime": "the realtime budget of the parent control group is the host's to set, in cpu.rt_runtime_us",
		}}
}
