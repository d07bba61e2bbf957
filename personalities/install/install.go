package install

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"box/buildinfo"
	"box/personalities/cmd"
)

// Command is `box install` as a personality.
var Command = cmd.Command{Name: "install", Summary: "Install this file as box, docker and dockerd", Main: run}

const (
	program  = "box"
	previous = "box.previous"
	kept     = ".before-box" // suffix of a replaced file that is kept
)

// links are the names under which users and scripts run box.
var links = [...]string{"docker", "dockerd", "docker-init"}

type options struct {
	Rollback  bool   `help:"Swap box and box.previous"`
	Service   bool   `help:"Add and enable a service docker of the host's init that runs the daemon"`
	Uninstall bool   `help:"Undo --service; the files in DIR stay"`
	All       bool   `help:"With --uninstall: also remove the files in DIR"`
	Init      string `help:"With --service: use this init: systemd, openrc, upstart, sysv, busybox or none"`
	Root      string `default:"/" placeholder:"folder" help:"Install into another system, whose root is this folder"`
	Force     bool   `help:"Replace files of others by links and units; the old ones are kept as NAME${kept}"`
	DryRun    bool   `help:"Print the steps and change nothing"`

	dir    string   // path in Root
	source string   // the file to install
	made   []string // made folders, parents first
}

func (o *options) usage() *cmd.Usage {
	return &cmd.Usage{
		Path: "box install", Synopsis: "[OPTIONS] [DIR]",
		Summary: "Install this file in DIR (/usr/bin) as box, with links docker, dockerd and docker-init",
		Detail: "An installed box may be running: it keeps running, and its file is kept as box.previous. With " +
			"--service the host's init runs the daemon " +
			"(systemd, OpenRC, upstart, System V, busybox), with the options in DOCKER_OPTS in /etc/default/docker or " +
			"/etc/sysconfig/docker and in daemon.json.",
		Max: 1,
		Examples: []cmd.Line{
			{Text: "./box install --service", Why: "Install into /usr/bin, and run the daemon as service docker"},
			{Text: "./box install /opt/bin", Why: "Install into another folder, which is created if necessary"},
			{Text: "./box install --root /mnt/target --service --init busybox",
				Why: "Install into another system"},
			{Text: "box install --rollback", Why: "Return to the previous version"},
			{Text: "box install --uninstall --all", Why: "Undo all that install did"},
		},
		Files: []cmd.Line{
			{Text: "DIR/box, DIR/box.previous", Why: "This file and the previous version"},
			{Text: "DIR/box.folders", Why: "Folders that were created, for --uninstall"},
			{Text: "NAME" + kept, Why: "A file that was replaced by box"},
			{Text: "/etc/systemd/system/docker.{service,socket}, /etc/init.d/docker, /etc/init/docker.conf, /etc/inittab",
				Why: "Files of --service, depending on the init"},
			{Text: "/etc/default/docker, /etc/sysconfig/docker", Why: "DOCKER_OPTS of the service"},
		},
		Options: o, Vars: map[string]string{"kept": kept},
	}
}

// Pages returns the command's page of the manual.
func Pages() []*cmd.Usage { return []*cmd.Usage{new(options).usage()} }

func run(_ context.Context, env *cmd.Env) error {
	o := options{dir: "/usr/bin"}
	u := o.usage()
	p, err := cmd.Parse(u, env.Args)
	if errors.Is(err, cmd.ErrHelp) {
		u.Help(env.Stdout)
		return nil
	}
	if err != nil {
		return err
	}
	if len(p.Args) == 1 {
		o.dir = p.Args[0]
		if !filepath.IsAbs(o.dir) {
			o.dir = filepath.Join(env.Dir, o.dir)
		}
	}
	if !filepath.IsAbs(o.Root) {
		o.Root = filepath.Join(env.Dir, o.Root)
	}
	if o.source, err = os.Executable(); err != nil {
		return fmt.Errorf("find the running file: %w: is /proc mounted? mount -t proc proc /proc", err)
	}
	if o.All && !o.Uninstall {
		return errors.New("--all needs --uninstall")
	}
	steps, err := o.plan()
	if err != nil {
		return err
	}
	for _, s := range steps {
		fmt.Fprintln(env.Stdout, s.text)
		if o.DryRun {
			continue
		}
		if err := s.do(); err != nil {
			return fmt.Errorf("%s: %w", s.text, err)
		}
	}
	if o.DryRun {
		fmt.Fprintln(env.Stdout, "nothing was changed")
		return nil
	}
	if err := o.noteFolders(); err != nil {
		return err
	}
	if !o.Uninstall && !o.Rollback && o.Root == "/" {
		fmt.Fprintln(env.Stdout, o.next())
	}
	return nil
}

// next suggests the commands to run next.
func (o *options) next() string {
	start := filepath.Join(o.dir, "dockerd") + " --detach"
	if o.Service {
		if i, err := o.theInit(); err == nil && i.name != "none" {
			start = i.make(o.place()).hint
		}
	}
	docker := filepath.Join(o.dir, "docker")
	return "Next:\n  " + filepath.Join(o.dir, program) + " check\n  " + start + "\n  " + docker + " run --rm box/hello"
}

// step is a change and its description. If it is interrupted, the old or the new state is there.
type step struct {
	text string
	do   func() error
}

// plan returns the steps to do. It reports errors before anything changes.
func (o *options) plan() ([]step, error) {
	if o.Uninstall {
		return o.planUninstall()
	}
	dir := o.in(o.dir)
	var steps []step
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		steps = append(steps, step{"make the folder " + dir, func() error { return o.makeFolder(dir) }})
	case err != nil:
		return nil, fmt.Errorf("folder to install in: %w", err)
	case !info.IsDir():
		return nil, fmt.Errorf("%s is not a folder", dir)
	}
	if o.Rollback {
		return planRollback(dir)
	}
	more, err := o.planFiles(dir)
	steps = append(steps, more...)
	if err != nil || !o.Service {
		return steps, err
	}
	more, err = o.planService()
	return append(steps, more...), err
}

// planFiles copies the file to a folder and makes its links.
func (o *options) planFiles(dir string) (steps []step, err error) {
	target := filepath.Join(dir, program)
	same, err := sameContent(o.source, target)
	if err != nil {
		return nil, err
	}
	if same {
		steps = append(steps, step{target + " is this file already", func() error { return nil }})
	} else {
		if isFile(target) {
			steps = append(steps, step{"keep " + target + buildText(buildinfo.ReadFile(target)) + " as " + previous,
				func() error { return keep(target, filepath.Join(dir, previous)) }})
		}
		steps = append(steps, step{"copy " + o.source + buildText(buildinfo.Current(), nil) + " to " + target,
			func() error { return copyFile(o.source, target) }})
	}
	for _, name := range links {
		s, err := o.planLink(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		steps = append(steps, s...)
	}
	return steps, nil
}

// buildText describes the build of a file if it is known.
func buildText(b buildinfo.Build, err error) string {
	if err != nil || b.Commit == "" {
		return ""
	}
	return " (" + b.String() + ")"
}

// planRemoval removes the file and its links, and restores the files that they replaced. It does not touch files of
// others.
func (o *options) planRemoval() (steps []step) {
	dir := o.in(o.dir)
	for _, name := range links {
		path := filepath.Join(dir, name)
		if to, err := os.Readlink(path); err == nil && (to == program || to == filepath.Join(o.dir, program)) {
			steps = append(steps, step{"remove " + path, func() error { return restore(path) }})
		}
	}
	for _, name := range []string{previous, program} {
		if path := filepath.Join(dir, name); isFile(path) {
			steps = append(steps, step{"remove " + path, func() error { return restore(path) }})
		}
	}
	return steps
}

// planLink makes a link. It replaces another program only with --force.
func (o *options) planLink(path string) ([]step, error) {
	link := step{"link " + path + " to " + program, func() error { return makeLink(program, path) }}
	if to, err := os.Readlink(path); err == nil && (to == program || to == filepath.Join(o.dir, program)) {
		return nil, nil
	}
	_, err := os.Lstat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return []step{link}, nil
	case err != nil:
		return nil, err
	case !o.Force:
		return nil, fmt.Errorf("%s is another program; run box install --force to keep it as %s%s and put a link in its "+
			"place, or name another folder",
			path, filepath.Base(path), kept)
	}
	return []step{{"keep " + path + " as " + filepath.Base(path) + kept, func() error { return keep(path, path+kept) }},
		link}, nil
}

func planRollback(dir string) ([]step, error) {
	target, old := filepath.Join(dir, program), filepath.Join(dir, previous)
	for _, path := range []string{target, old} {
		if !isFile(path) {
			return nil, fmt.Errorf("%s is not there: nothing to roll back to", path)
		}
	}
	return []step{{"exchange " + target + " and " + previous, func() error { return exchange(target, old) }}}, nil
}
