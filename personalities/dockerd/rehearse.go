package dockerd

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"box/engine"
	"box/fs/drivers"
	"box/personalities/outfile"
)

// rehearse looks at what a start would open, and changes nothing: what it finds would have ended that start.
func (o *options) rehearse() error {
	var errs []error
	add := func(what string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", what, err))
		}
	}
	add("--storage-driver", drivers.Check(o.driver, o.driverOptions))
	add("--data-root", engine.CheckRoot(o.dataRoot))
	add("--data-root", usableFolder(o.dataRoot))
	add("--exec-root", usableFolder(o.execRoot))
	if o.pidfile != "" {
		_, err := outfile.Regular(o.pidfile)
		add("--pidfile", err)
		add("--pidfile", usableFolder(filepath.Dir(o.pidfile)))
	}
	if o.logFile != "" {
		add("--log-file", usableFolder(filepath.Dir(o.logFile)))
	}
	if _, err := openTLS(&o.remote, slog.New(slog.DiscardHandler)); err != nil {
		errs = append(errs, err)
	}
	for _, h := range o.remote.hosts {
		if h.scheme == "unix" {
			add("-H unix://"+h.address, usableFolder(filepath.Dir(h.address)))
		}
	}
	return errors.Join(errs...)
}

// usableFolder tells whether a folder can be written, or be made where the deepest one of its path that is there can.
func usableFolder(dir string) error {
	for at := filepath.Clean(dir); ; at = filepath.Dir(at) {
		info, err := os.Stat(at)
		if errors.Is(err, fs.ErrNotExist) && at != filepath.Dir(at) {
			continue
		}
		switch {
		case err != nil:
			return err
		case !info.IsDir():
			return fmt.Errorf("%s is not a folder", at)
		}
		if err := unix.Access(at, unix.W_OK); err != nil {
			return fmt.Errorf("%s cannot be written: %w", at, err)
		}
		return nil
	}
}
