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
	o := defaults()
	p, err := o.parse(env)
	if err != nil {
		return o, err
	}
	if o.showVersion {
		return o, nil
	}
	if err := o.readFile(env, p); err != nil {
		return o, &cmd.Exit{Code: 1, Err: err}
	}
	if err := o.check(env.Getenv, p.Set); err != nil {
		return o, &cmd.Exit{Code: 1, Err: err}
	}
	return o, nil
}

// parse reads the command line, and before it what the file of --opts-file says: the command line comes later and wins.
func (o *options) parse(env *cmd.Env) (*cmd.Parsed, error) {
	p, err := cmd.Parse(o.usage(), env.Args)
	if err != nil || o.optsFile == "" {
		return p, err
	}
	path := at(env, o.optsFile)
	words, err := readOptions(path)
	if err != nil {
		return p, &cmd.Exit{Code: 1, Err: err}
	}
	*o = *defaults()
	p, err = cmd.Parse(o.usage(), append(words, env.Args...))
	if err != nil && !errors.Is(err, cmd.ErrHelp) {
		return p, fmt.Errorf("%w\n(with DOCKER_OPTS of %s)", err, path)
	}
	return p, err
}

// readFile takes daemon.json over. Only the default one may be missing.
func (o *options) readFile(env *cmd.Env, p *cmd.Parsed) error {
	raw, err := readConfig(at(env, o.configFile))
	if errors.Is(err, os.ErrNotExist) && !p.Set("config-file") {
		return nil
	}
	var file []pair
	if err == nil {
		file, err = parseConfig(raw)
	}
	if err == nil {
		err = o.apply(file, p.Set)
	}
	if err != nil {
		return fmt.Errorf("unable to configure the Docker daemon with file %s: %w", o.configFile, err)
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
