package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/moby/moby/api/types/mount"
	"golang.org/x/sys/unix"

	"box/engine/lifecycle"
	"box/engine/refuse"
	"box/engine/request"
)

// fillVolumes gives the empty ones among a new container's volumes what the image has at their places. root is the open root of the
// image at path; links in it lead nowhere else.
func (e *Engine) fillVolumes(ctx context.Context, root int, path string, rec *lifecycle.Record) error {
	for _, m := range rec.Mounts {
		if m.Type != mount.TypeVolume || !m.CopyUp {
			continue
		}
		if err := e.fillVolume(ctx, root, path, rec.ID, &m); err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) fillVolume(ctx context.Context, root int, path, container string, m *request.Mount) error {
	fd, err := unix.Openat2(root, "."+filepath.Clean("/"+m.Destination), &unix.OpenHow{
		Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS,
	})
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s in the image: %w", m.Destination, err)
	}
	defer unix.Close(fd)
	subpath := request.Subpath(&m.Spec)
	readable, err := unix.Openat(fd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOTDIR) {
		if subpath != "" {
			return nil // a file of a volume may be mounted over it
		}
		at := filepath.Join(path, m.Destination)
		if m.Spec.Target == "" { // a volume of the image's
			return fmt.Errorf("cannot mount volume over existing file, file exists %s", at)
		}
		return refuse.Invalid("source %s is not directory", at)
	}
	if err != nil {
		return fmt.Errorf("%s in the image: %w", m.Destination, err)
	}
	src := os.NewFile(uintptr(readable), m.Destination)
	defer src.Close()
	if err := e.volumes.Fill(ctx, m.Name, container, subpath, src); err != nil {
		return fmt.Errorf("failed to populate volume: %w", err)
	}
	return nil
}
