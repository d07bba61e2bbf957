// Package migrate moves images and containers from one storage driver of a data root to the one that the daemon uses.
//
// Everything is copied first: each layer of an image by its exact tar, which is checked by the layer's digest while it
// is written, and once more from the copy when all is there; the layers of a container file by file, and read again. An
// image appears under the new driver when all of it is on the disk, and a container that is copied has a mark beside
// the rows of its new layers. What is cut off in between is gone with the next start of the daemon or is there, so that
// the move goes on where it was. The records of all containers name the new driver in one transaction, together with
// the end of the old driver's images. Before that transaction nothing of the old driver is changed, and after it
// nothing is needed: its layers are deleted, or kept if that is asked for.
//
// A daemon that is started with the old driver may change what was copied. So it marks all copies as stale, and the
// next move makes them again.
package migrate

import (
	"context"
	"errors"
	"fmt"

	"box/engine/ident"
	"box/engine/image"
	"box/engine/lifecycle"
	"box/engine/progress"
	"box/engine/rootfs"
	"box/engine/state"
	"box/fs"
	"box/fs/disk"
)

// Move is a move from one driver to another.
type Move struct {
	DB        *state.DB
	From, To  fs.Driver
	Images    *image.Catalog // of To
	FromRoots *rootfs.Roots
	Roots     *rootfs.Roots // of To
	IDs       fs.IDMaps     // of the user namespaces of containers
	Disk      *disk.Disk    // where changes go: the kernel
	Keep      bool          // leave the layers and images of From
	Tell      func(progress.Line) error
	// Free returns an error if a container of the name is there already.
	Free func(name string) error
	// Take calls write in a transaction and makes the containers appear if it was written. After an error nothing has
	// changed.
	Take func(list []lifecycle.Record, write func(*state.Tx) error) error
}

// Run does all of it, or goes on with what was cut off. After an error From is whole, unless it was already being
// deleted; Run is called again then.
func (m *Move) Run(ctx context.Context) error {
	images, err := m.Images.Foreign(m.From.Name())
	if err != nil {
		return err
	}
	containers, err := m.containers()
	if err != nil {
		return err
	}
	if err := m.check(images, containers); err != nil {
		return err
	}
	read := m.reading(ctx)
	for n, img := range images {
		if err := m.say("Copying image %d of %d: %s", n+1, len(images), title(img)); err != nil {
			return err
		}
		if err := m.Images.Adopt(ctx, m.From, img, read); err != nil {
			return err
		}
	}
	for n := range containers {
		rec := &containers[n]
		if err := m.say("Copying container %d of %d: %s", n+1, len(containers), rec.Name); err != nil {
			return err
		}
		if err := m.container(ctx, rec, read); err != nil {
			return fmt.Errorf("copy container %s: %w", rec.Name, err)
		}
	}
	if err := m.verify(ctx, images, containers); err != nil {
		return err
	}
	if err := m.finish(ctx, containers); err != nil {
		return err
	}
	if m.Keep {
		return m.say("Moved %d images and %d containers; %s keeps what it had", len(images), len(containers),
			m.From.Name())
	}
	if err := m.delete(ctx); err != nil {
		return fmt.Errorf("delete what %s had, all of which is moved: %w", m.From.Name(), err)
	}
	return m.say("Moved %d images and %d containers from %s to %s", len(images), len(containers), m.From.Name(),
		m.To.Name())
}

func (m *Move) say(format string, args ...any) error { return m.Tell(progress.Said(format, args...)) }

// title is how users know an image.
func title(img image.Foreign) string {
	if len(img.Names) > 0 {
		return img.Names[0]
	}
	return ident.Short(img.ID.Encoded())
}

// reading returns a function that tells how much of a layer was read. An error of who listens ends the move elsewhere.
func (m *Move) reading(ctx context.Context) func(layer string, bytes int) {
	var sum, total int64
	var now string
	var tell func(current, total int64) error
	return func(layer string, bytes int) {
		if layer != now {
			now, sum = layer, 0
			total, _ = m.From.TarSize(ctx, layer)
			tell = progress.Paced(func(current, total int64) error {
				return m.Tell(progress.Counted(shortLayer(layer), "Copying", current, total))
			})
		}
		sum += int64(bytes)
		_ = tell(sum, total)
	}
}

// shortLayer returns 12 digits of a chain ID.
func shortLayer(chain string) string { return ident.Short(chain[min(len("sha256:"), len(chain)):]) }

// containers returns the records of the containers whose layers are in From.
func (m *Move) containers() (list []lifecycle.Record, err error) {
	err = m.DB.View(func(tx *state.Tx) error {
		return lifecycle.Records.Walk(tx, func(_ string, rec lifecycle.Record, bad error) error {
			if bad != nil {
				return bad
			}
			if rec.Driver == m.From.Name() {
				list = append(list, rec)
			}
			return nil
		})
	})
	return list, err
}

// check refuses what could not be finished, before anything is written.
func (m *Move) check(images []image.Foreign, containers []lifecycle.Record) error {
	var errs []error
	for _, img := range images {
		errs = append(errs, m.Images.Clash(img))
	}
	for _, rec := range containers {
		errs = append(errs, m.Free(rec.Name))
	}
	return errors.Join(errs...)
}

// verify reads every layer of images and of what containers stand on from To, and checks its digest.
func (m *Move) verify(ctx context.Context, images []image.Foreign, containers []lifecycle.Record) error {
	done := map[string]bool{"": true}
	var list []string
	add := func(name string) error {
		for !done[name] {
			info, err := m.To.Stat(ctx, name)
			if err != nil {
				return err
			}
			done[name] = true
			list, name = append(list, name), info.Parent
		}
		return nil
	}
	for _, img := range images {
		if err := add(img.Top()); err != nil {
			return err
		}
	}
	for _, rec := range containers {
		for _, name := range m.standsOn(ctx, rec.ID) {
			if err := add(name); err != nil {
				return err
			}
		}
	}
	for n, name := range list {
		if err := m.Tell(progress.Counted("verify", "Verifying layers", int64(n), int64(len(list)))); err != nil {
			return err
		}
		if err := m.Images.Verify(ctx, name); err != nil {
			return fmt.Errorf("verify: %w", err)
		}
	}
	return nil
}
