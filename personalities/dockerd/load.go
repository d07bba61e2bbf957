package dockerd

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"box/personalities/cmd"
)

// load reads the options of a command line and of the files that it names, and checks them. With ErrHelp the options are only good
// for help.
func load(env *cmd.Env) (*options, error) {
	o := &options{}
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
	o.noteUnused(u)
	if err := o.check(env.Getenv, p.Set); err != nil {
		return o, &cmd.Exit{Code: 1, Err: err}
	}
	return o, nil
}

// parse reads the command line, and before it what the file of --opts-file says: the command line comes later and wins.
func (o *options) parse(env *cmd.Env) (*cmd.Usage, *cmd.Parsed, error) {
	u := o.usage()
	p, err := cmd.Parse(u, env.Args)
	if err != nil || o.OptsFile == "" {
		return u, p, err
	}
	path := at(env, o.OptsFile)
	words, err := readOptions(path)
	if err != nil {
		return u, p, &cmd.Exit{Code: 1, Err: err}
	}
	*o = options{}
	u = o.usage()
	p, err = cmd.Parse(u, append(words, env.Args...))
	if err != nil && !errors.Is(err, cmd.ErrHelp) {
		return u, p, fmt.Errorf("%w\n(with DOCKER_OPTS of %s)", err, path)
	}
	return u, p, err
}

// noteUnused collects what is to be said about options that do nothing.
func (o *options) noteUnused(u *cmd.Usage) {
	for _, option := range u.Fields() {
		if said, ok := option.Value().(*unused); ok {
			o.notes = append(o.notes, *said...)
		}
	}
}

// readFile takes daemon.json over. Only the default one may be missing.
func (o *options) readFile(env *cmd.Env, u *cmd.Usage, p *cmd.Parsed) error {
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

// at is a path as the command line means it.
func at(env *cmd.Env, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(env.Dir, path)
}
