package install

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// inittab configures the inits of busybox and System V.
const inittab = "/etc/inittab"

// theInit returns the init of --init, or else the one that is found.
func (o *options) theInit() (initSystem, error) {
	var names []string
	for _, i := range inits() {
		if o.Init == i.name || o.Init == "" && i.found(o.Root) {
			return i, nil
		}
		names = append(names, i.name)
	}
	slices.Sort(names)
	return initSystem{}, fmt.Errorf("--init %s: use one of %s", o.Init, strings.Join(slices.Compact(names), ", "))
}

func (o *options) place() place {
	return place{root: o.Root, dockerd: filepath.Join(o.dir, "dockerd"), options: optionsFile(o.Root)}
}

// planService writes the files that the init needs, and enables the service.
func (o *options) planService() ([]step, error) {
	i, err := o.theInit()
	if err != nil {
		return nil, err
	}
	s := i.make(o.place())
	var steps []step
	for _, f := range s.files {
		more, err := o.planFile(f)
		if err != nil {
			return nil, err
		}
		steps = append(steps, more...)
	}
	for _, l := range s.links {
		at := o.in(l.path)
		if to, err := os.Readlink(at); err == nil && to == l.to {
			continue
		}
		if _, err := os.Lstat(at); err == nil {
			if !o.Force {
				return nil, fmt.Errorf("%s exists and is another link; run box install --service --force to keep it as %s%s "+
					"and put a link in its place", at, filepath.Base(at), kept)
			}
			steps = append(steps, step{"keep " + at + " as " + filepath.Base(at) + kept,
				func() error { return keep(at, at+kept) }})
		}
		steps = append(steps, step{"link " + at + " to " + l.to,
			func() error { return errors.Join(o.makeFolder(filepath.Dir(at)), makeLink(l.to, at)) }})
	}
	if s.entry != "" {
		steps = append(steps, o.planEntry(s.entry)...)
	}
	steps = append(steps, o.planReload(s.reload)...)
	text := i.name + ": to start the daemon: " + s.hint
	if i.name == "none" {
		text = "no known init was found; on a host with " + inittab + ", add this line to run the daemon:\n" + s.hint
	}
	return append(steps, step{text, func() error { return nil }}), nil
}

// planFile writes a file of the service. It replaces a file of others only with --force.
func (o *options) planFile(f serviceFile) ([]step, error) {
	at := o.in(f.path)
	write := step{"write " + at, func() error {
		return errors.Join(o.makeFolder(filepath.Dir(at)),
			writeFile(at, f.text, f.mode))
	}}
	raw, err := os.ReadFile(at)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return []step{write}, nil
	case err != nil:
		return nil, err
	case string(raw) == f.text:
		return []step{{at + " is up to date", func() error { return nil }}}, nil
	case strings.Contains(string(raw), mark):
		return []step{write}, nil
	case !o.Force:
		return nil, fmt.Errorf("%s was not written by box; run box install --service --force to keep it as %s%s and write "+
			"box's",
			at, filepath.Base(at), kept)
	}
	return []step{{"keep " + at + " as " + filepath.Base(at) + kept, func() error { return keep(at, at+kept) }}, write},
		nil
}

// planUninstall undoes planService for all inits, and restores the files that it replaced.
func (o *options) planUninstall() ([]step, error) {
	var steps []step
	seen := map[string]bool{}
	for _, i := range inits() {
		if seen[i.name] {
			continue
		}
		seen[i.name] = true
		s := i.make(o.place())
		before := len(steps)
		for _, l := range s.links {
			at := o.in(l.path)
			if to, err := os.Readlink(at); err == nil && to == l.to && o.ours(s) {
				steps = append(steps, step{"remove " + at, func() error { return removeLink(at) }})
			}
		}
		for _, f := range s.files {
			at := o.in(f.path)
			if raw, err := os.ReadFile(at); err != nil || !strings.Contains(string(raw), mark) ||
				slices.ContainsFunc(steps, func(s step) bool { return s.text == "remove "+at }) {
				continue
			}
			steps = append(steps, step{"remove " + at, func() error { return restore(at) }})
		}
		if s.entry != "" {
			steps = append(steps, o.planNoEntry()...)
		}
		if len(steps) > before {
			steps = append(steps, o.planReload(s.reload)...)
		}
	}
	if o.All {
		steps = append(steps, o.planRemoval()...)
	}
	if len(steps) == 0 && o.All {
		return nil, fmt.Errorf("box is not in %s: nothing to undo", o.in(o.dir))
	}
	if len(steps) == 0 {
		return nil, errors.New("there is no service of box: nothing to undo")
	}
	return append(steps, o.planTidy()...), nil
}

// ours tells whether box wrote the files of a service.
func (o *options) ours(s service) bool {
	for _, f := range s.files {
		if raw, err := os.ReadFile(o.in(f.path)); err != nil || !strings.Contains(string(raw), mark) {
			return false
		}
	}
	return true
}

// planReload makes a running init reload its files.
func (o *options) planReload(command []string) []step {
	if len(command) == 0 || o.Root != "/" || !there("/", "run/systemd/system") {
		return nil
	}
	return []step{{"run " + strings.Join(command, " "), func() error {
		if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	}}}
}

// planEntry adds box's line to the end of inittab.
func (o *options) planEntry(line string) []step {
	at := o.in(inittab)
	old, _ := os.ReadFile(at) // isBusybox has seen it
	text := withoutEntry(string(old))
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	text += "# " + mark + "\n" + line + "\n"
	if text == string(old) {
		return []step{{at + " is up to date", func() error { return nil }}}
	}
	return []step{{"write a line to " + at + ": " + line, func() error { return writeLike(at, text) }}}
}

func (o *options) planNoEntry() []step {
	at := o.in(inittab)
	old, err := os.ReadFile(at)
	text := withoutEntry(string(old))
	if err != nil || text == string(old) {
		return nil
	}
	return []step{{"remove box's line from " + at, func() error { return writeLike(at, text) }}}
}

// withoutEntry removes the marked line.
func withoutEntry(text string) string {
	before, after, found := strings.Cut(text, "# "+mark+"\n")
	if !found {
		return text
	}
	_, after, _ = strings.Cut(after, "\n")
	return before + after
}

// in returns a path in the system at --root.
func (o *options) in(path string) string { return filepath.Join(o.Root, path) }
