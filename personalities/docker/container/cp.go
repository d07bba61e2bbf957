package container

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"box/netapi/client"
	"box/netapi/wire"
	"box/personalities/cmd"
	"box/personalities/docker/archive"
	"box/personalities/docker/progress"
	"box/personalities/docker/session"
	"box/personalities/docker/table"
	"box/personalities/outfile"
)

// Cp is `docker container cp`.
type Cp struct {
	Archive    bool `short:"a" help:"Keep the owners of files"`
	FollowLink bool `short:"L" help:"Follow a symbolic link in SRC_PATH"`
	Quiet      bool `short:"q" help:"Do not show progress"`
}

// Run implements session.Runner.
func (f *Cp) Run(ctx context.Context, s *session.Session, p *cmd.Parsed) error {
	fromID, from := splitPath(p.Args[0])
	toID, to := splitPath(p.Args[1])
	api, err := s.Client()
	switch {
	case err != nil:
		return err
	case from == "":
		return errors.New("source can not be empty")
	case to == "":
		return errors.New("destination can not be empty")
	case fromID != "" && toID != "":
		return errors.New("copying between containers is not supported")
	case fromID != "":
		return f.fromContainer(ctx, s, api, fromID, from, to)
	case toID != "":
		return f.toContainer(ctx, s, api, toID, from, to)
	}
	return errors.New("must specify at least one container source")
}

// splitPath splits CONTAINER:PATH. A path that starts with / or . has no container.
func splitPath(arg string) (id, p string) {
	if filepath.IsAbs(arg) {
		return "", arg
	}
	id, p, ok := strings.Cut(arg, ":")
	if !ok || strings.HasPrefix(id, ".") {
		return "", arg
	}
	return id, p
}

// contentOnly tells whether a path ends in "/.": it means the content of the folder, without the folder.
func contentOnly(p string) bool { return strings.HasSuffix(p, "/.") || p == "." }

func (f *Cp) fromContainer(ctx context.Context, s *session.Session, api *client.Client, id, from, to string) error {
	if f.FollowLink {
		if stat, err := api.StatPath(ctx, id, from); err == nil && stat.Mode&os.ModeSymlink != 0 {
			target := stat.LinkTarget
			if !path.IsAbs(target) {
				target = path.Join(path.Dir(from), target)
			}
			from = target
		}
	}
	body, stat, err := api.CopyFrom(ctx, id, from)
	if err != nil {
		return err
	}
	defer body.Close()
	if to == "-" {
		_, err = io.Copy(s.Out, body)
		return err
	}
	dest, err := destination(filepath.Clean(s.Path(to)), to)
	if err != nil {
		return err
	}
	dir, rename, err := landing(dest, strings.HasSuffix(to, "/"), path.Base(path.Clean("/"+from)), stat.Name,
		stat.Mode.IsDir(), contentOnly(from))
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	counted := &progress.Counter{R: body}
	u := archive.Unpacker{Root: root, Rename: rename, Owners: f.Archive}
	if err := u.Unpack(counted); err != nil {
		return err
	}
	f.report(s, counted.N, to)
	return nil
}

// destination follows links of a path on this host. It accepts a folder, a regular file or a new name. It refuses
// devices and pipes, which other programs would miss if a copy replaced them.
func destination(p, typed string) (string, error) {
	to, err := outfile.Regular(p)
	if info, statErr := os.Stat(p); statErr == nil && info.IsDir() {
		return p, nil
	}
	if errors.Is(err, outfile.ErrSpecial) {
		return "", fmt.Errorf("invalid output path: %q must be a directory or a regular file: %w", typed, err)
	}
	return to, err
}

// landing decides where the entries of a tar whose first name is base go on this host: into an existing folder, or into
// its parent under a new name.
func landing(to string, slash bool, base, name string, isDir,
	content bool) (dir string, rename func(string) string, err error) {
	// a tar of / or of a folder's content has no folder before the names of its entries
	bare := name == "." || name == "/"
	if name != "" {
		base = name
	}
	info, err := os.Stat(to)
	switch {
	case err == nil && info.IsDir() && content:
		return to, func(n string) string { return under(n, base, ".") }, nil
	case err == nil && info.IsDir():
		return to, func(n string) string { return n }, nil
	case err == nil && isDir:
		return "", nil, errors.New("cannot copy directory")
	case err == nil && slash:
		return "", nil, errors.New("not a directory")
	case err != nil && !errors.Is(err, os.ErrNotExist):
		return "", nil, err
	case err != nil && slash && !isDir:
		return "", nil, errors.New("no such directory")
	}
	parent := filepath.Dir(to)
	if _, err := os.Stat(parent); err != nil {
		return "", nil, fmt.Errorf("invalid output path: directory %q does not exist", parent)
	}
	if bare {
		return parent, func(n string) string { return path.Join(filepath.Base(to), n) }, nil
	}
	return parent, func(n string) string { return under(n, base, filepath.Base(to)) }, nil
}

// under moves a name from one folder to another.
func under(name, from, to string) string {
	rest, ok := strings.CutPrefix(name, from)
	if !ok || (rest != "" && rest[0] != '/') {
		return name
	}
	return path.Join(to, rest)
}

func (f *Cp) toContainer(ctx context.Context, s *session.Session, api *client.Client, id, from, to string) error {
	stat, err := api.StatPath(ctx, id, to)
	if err == nil && stat.Mode&os.ModeSymlink != 0 {
		target := stat.LinkTarget
		if !path.IsAbs(target) {
			target = path.Join(path.Dir(path.Clean("/"+to)), target)
		}
		if resolved, err := api.StatPath(ctx, id, target); err == nil {
			stat, to = resolved, target
		}
	}
	exists := err == nil
	if from == "-" {
		if !exists || !stat.Mode.IsDir() {
			return fmt.Errorf("destination %q must be a directory", id+":"+to)
		}
		return api.CopyTo(ctx, id, to, io.NopCloser(s.In), f.Archive)
	}
	local := s.Path(from)
	info, err := os.Lstat(local)
	if err == nil && (f.FollowLink || strings.HasSuffix(from, "/")) {
		if local, err = filepath.EvalSymlinks(local); err == nil {
			info, err = os.Stat(local)
		}
	}
	if err != nil {
		return session.UserPath(err, from)
	}
	dir, name, err := remoteLanding(to, exists, stat, info.IsDir(), contentOnly(from), filepath.Base(s.Path(from)))
	if err != nil {
		return err
	}
	archive := archive.PipeTar(func(t *archive.TarWriter) error { return t.Tree(local, name) })
	defer archive.Close()
	counted := &progress.Counter{R: archive}
	if err := api.CopyTo(ctx, id, dir, counted, f.Archive); err != nil {
		return err
	}
	f.report(s, counted.N, id+":"+to)
	return nil
}

// remoteLanding makes the decision of landing for a copy into a container: it returns the folder to unpack in, and the
// name there.
func remoteLanding(to string, exists bool, stat wire.PathStat, isDir, content bool,
	base string) (dir, name string, err error) {
	clean := path.Clean("/" + to)
	switch {
	case exists && stat.Mode.IsDir() && content:
		return clean, ".", nil
	case exists && stat.Mode.IsDir():
		return clean, base, nil
	case exists && isDir:
		return "", "", errors.New("cannot copy directory")
	case strings.HasSuffix(to, "/") && exists:
		return "", "", errors.New("not a directory")
	case strings.HasSuffix(to, "/") && !isDir:
		return "", "", errors.New("no such directory")
	}
	return path.Dir(clean), path.Base(clean), nil
}

// report prints how much was copied, if standard error is a terminal.
func (f *Cp) report(s *session.Session, n int64, to string) {
	if _, ok := session.Terminal(s.Err); ok && !f.Quiet {
		fmt.Fprintf(s.Err, "Successfully copied %s to %s\n", table.SizeOf(n), to)
	}
}
