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
	"box/personalities/dockerd/config"
	"box/personalities/outfile"
	"box/personalities/top/web"
)

// rehearse checks what startup would open, without changes. It returns the errors that would make startup fail.
func rehearse(o *config.Options) error {
	var errs []error
	add := func(what string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", what, err))
		}
	}
	add("--storage-driver", drivers.Check(o.StorageDriver, o.StorageOpts))
	add("--data-root", engine.CheckRoot(o.DataRoot))
	add("--data-root", usableFolder(o.DataRoot))
	add("--exec-root", usableFolder(o.ExecRoot))
	if o.Pidfile != "" {
		_, err := outfile.Regular(o.Pidfile)
		add("--pidfile", err)
		add("--pidfile", usableFolder(filepath.Dir(o.Pidfile)))
	}
	if o.LogFile != "" {
		add("--log-file", usableFolder(filepath.Dir(o.LogFile)))
	}
	secure, err := openTLS(&o.Remote, slog.New(slog.DiscardHandler))
	if err != nil {
		errs = append(errs, err)
	} else if o.Monitor != "" {
		_, err := web.Check(o.Monitor, secure, o.Insecure)
		add("--monitor", advised(err))
	}
	for _, h := range o.Remote.Addresses {
		if h.Scheme == "unix" {
			add("-H unix://"+h.Address, usableFolder(filepath.Dir(h.Address)))
		}
	}
	return errors.Join(errs...)
}

// usableFolder checks that a folder is writable, or that it can be created in its nearest existing parent.
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
			return fmt.Errorf("%s is not writable: %w", at, err)
		}
		return nil
	}
}
