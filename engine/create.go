package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/containerd/errdefs"
	api "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"

	"box/engine/ident"
	"box/engine/image"
	"box/engine/lifecycle"
	"box/engine/recovery"
	"box/engine/refuse"
	"box/engine/request"
	"box/engine/rootfs"
	"box/engine/spec"
	"box/engine/state"
	"box/engine/workdir"
	"box/fs"
)

// Create creates a container. If it returns without an error, the container survives a crash; with an error, nothing is
// left of it.
func (e *Engine) Create(ctx context.Context, q request.Create) (_ api.CreateResponse, err error) {
	defer e.actions.Time("container", "create", &err)()
	if err := q.Check(); err != nil {
		return api.CreateResponse{}, err
	}
	img, err := e.imageFor(ctx, q.Config.Image)
	if err != nil {
		return api.CreateResponse{}, err
	}
	rec, warnings, err := e.complete(&q, img)
	if err == nil {
		err = e.make(ctx, rec)
	}
	if err != nil {
		return api.CreateResponse{}, err
	}
	return api.CreateResponse{ID: rec.ID, Warnings: warnings}, nil
}

// complete makes the record of a new container: the request, completed from the image, the defaults and existing
// objects.
func (e *Engine) complete(q *request.Create, img *image.Image) (*lifecycle.Record, []string, error) {
	if err := img.CheckPlatform(q.Config.Image, q.Platform); err != nil {
		return nil, nil, err
	}
	d := e.requestDaemon()
	warnings, err := d.Complete(q, &img.Config.Config)
	if err != nil {
		return nil, nil, err
	}
	if q.Platform == nil {
		warnings = append(img.PlatformWarnings(), warnings...)
	}
	if err := e.lenders(q.Host); err != nil {
		return nil, nil, err
	}
	rec := &lifecycle.Record{
		ID: ident.New(), Name: q.Name, Created: e.o.Now().UTC(), Image: img.ID.String(), Layer: img.ChainID().String(),
		Config: q.Config, Host: q.Host, Driver: e.layers.Name(), Shallow: q.Shallow,
	}
	if rec.Networks, err = e.wantedNetworks(rec, q.Networking); err != nil {
		return nil, nil, err
	}
	argv := slices.Concat(q.Config.Entrypoint, q.Config.Cmd)
	if len(argv) == 0 {
		return nil, nil, refuse.Invalid("no command specified")
	}
	rec.Path, rec.Args = argv[0], argv[1:]
	if q.Config.Hostname == "" {
		q.Config.Hostname = ident.Short(rec.ID)
		if q.Host.NetworkMode.IsHost() || q.Host.UTSMode.IsHost() {
			q.Config.Hostname, _ = os.Hostname()
		}
	}
	rec.Cgroup = spec.CgroupPath(q.Host.CgroupParent, e.o.CgroupParent, rec.ID)
	mounts := request.Mounts{Root: e.o.Root, Lender: e.mountsOf, Exists: exists}
	rec.Mounts, err = mounts.Resolve(q)
	return rec, warnings, err
}

// requestDaemon returns the information about this daemon that requests are completed with.
func (e *Engine) requestDaemon() request.Daemon {
	return request.Daemon{Defaults: e.settings().Container, Log: e.o.LogConfig, Limits: e.o.Limits,
		Remaps: len(e.o.IDs.UIDs) > 0}
}

// mountsOf returns the mounts of a container for --volumes-from.
func (e *Engine) mountsOf(ref string) ([]request.Mount, error) {
	c, err := e.container(ref)
	if err != nil {
		return nil, err
	}
	return c.Record().Mounts, nil
}

// make reserves the name, builds the container, and makes it visible.
func (e *Engine) make(ctx context.Context, rec *lifecycle.Record) error {
	if err := e.reserveName(rec); err != nil {
		return err
	}
	if err := e.build(ctx, rec); err != nil {
		e.releaseName(rec.Name)
		for _, v := range e.volumes.Discard(rec.ID) {
			e.publishVolume(ctx, v, events.ActionDestroy)
		}
		return errors.Join(err, e.unbuild(context.WithoutCancel(ctx), rec, layerNames(rec.ID, e.imageLayers(ctx, rec.ID))))
	}
	e.volumes.Saved(rec.Volumes()...)
	c := e.newContainer(*rec, lifecycle.Status{State: api.StateCreated})
	e.mu.Lock()
	e.containers[rec.ID] = c
	e.mu.Unlock()
	e.publish(ctx, c, events.ActionCreate)
	return nil
}

// build makes the layers, the folder and the record of a container, in this order. A crash before the record leaves
// orphans, which the next Open sweeps.
func (e *Engine) build(ctx context.Context, rec *lifecycle.Record) error {
	if err := e.wantedLinks(rec); err != nil {
		return err
	}
	if err := e.holdVolumes(ctx, rec); err != nil {
		return err
	}
	if err := e.o.Disk.Mkdir(e.dir(rec.ID), 0o710); err != nil {
		return fmt.Errorf("folder of the container: %w", err)
	}
	if err := e.buildRoot(ctx, rec); err != nil {
		return err
	}
	if err := e.buildImageMounts(ctx, rec); err != nil {
		return err
	}
	if err := recovery.WriteRecord(e.o.Disk, e.dir(rec.ID), rec.ID, rec); err != nil {
		return err
	}
	keep := layerNames(rec.ID, e.imageLayers(ctx, rec.ID))
	slices.Reverse(keep) // those below others first
	return e.db.Batch(func(tx *state.Tx) error {
		return errors.Join(
			e.layers.Keep(tx.Layers(), keep...),
			e.volumes.Save(tx, rec.Volumes()...),
			lifecycle.Records.Put(tx, rec.ID, *rec),
			lifecycle.Statuses.Put(tx, rec.ID, lifecycle.Status{State: api.StateCreated}),
		)
	})
}

// buildRoot prepares the two layers of a container: <id>-init has the files that something is mounted over, so that
// they are not changes of the container, and <id> has what the container writes.
func (e *Engine) buildRoot(ctx context.Context, rec *lifecycle.Record) error {
	base := rec.ID + "-init"
	opts := fs.PrepareOptions{Purpose: fs.ForContainer, Deferred: true, IDMaps: e.o.IDs}
	quota, err := request.Quota(rec.Host.StorageOpt)
	if err != nil {
		return err
	}
	if err := e.layers.Prepare(ctx, base, rec.Layer, opts); err != nil {
		return fmt.Errorf("layer below the container's: %w", err)
	}
	whole, err := e.fillInit(ctx, base, rec)
	if err != nil {
		return err
	}
	opts.Quota = quota
	err = e.layers.Prepare(ctx, rec.ID, base, opts)
	if quota != 0 && errdefs.IsNotImplemented(err) {
		return noQuota(e.layers.Name())
	}
	if err != nil {
		return fmt.Errorf("layer of the container: %w", err)
	}
	if !whole {
		if err := e.makeWorkingDir(ctx, rec); err != nil {
			return err
		}
	}
	return e.writeMountID(rec)
}

// makeWorkingDir makes the working folder of a container in its own layer, where it is missing.
func (e *Engine) makeWorkingDir(ctx context.Context, rec *lifecycle.Record) error {
	return e.roots.Within(ctx, rec.ID, func(dir int, _ string) error {
		uid, gid := e.o.IDs.Root()
		return workdir.Make(e.o.Disk, dir, rec.Config.WorkingDir, uid, gid)
	})
}

// noQuota refuses a size limit that a driver has no quotas for.
func noQuota(driver string) error {
	switch driver {
	case "overlay2":
		return refuse.Invalid("--storage-opt is supported only for overlay over xfs with 'pquota' mount option")
	case "vfs":
		return refuse.Invalid("Filesystem does not support, or has not enabled quotas")
	}
	return refuse.Invalid("--storage-opt is not supported for %s", driver)
}

// mountIDPath is where cAdvisor looks up the layer of a container of a storage driver.
func (e *Engine) mountIDPath(driver, id string) string {
	return filepath.Join(e.o.Root, "image", driver, "layerdb", "mounts", id)
}

func (e *Engine) writeMountID(rec *lifecycle.Record) error {
	dir := e.mountIDPath(e.layers.Name(), rec.ID)
	if err := e.o.Disk.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return e.o.Disk.WriteFile(filepath.Join(dir, "mount-id"), []byte(rec.ID), 0o644)
}

// unbuild deletes what build made; layers are named.
func (e *Engine) unbuild(ctx context.Context, rec *lifecycle.Record, layers []string) error {
	var errs error
	for _, name := range layers {
		errs = errors.Join(errs, e.layers.Remove(ctx, name))
	}
	return errors.Join(errs,
		e.o.Disk.RemoveAll(e.mountIDPath(e.layers.Name(), rec.ID)),
		e.o.Disk.RemoveAll(e.dir(rec.ID)),
	)
}

// reserveName reserves rec.Name, or a generated name.
func (e *Engine) reserveName(rec *lifecycle.Record) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if rec.Name == "" {
		rec.Name = ident.Name(func(n string) bool { _, used := e.names[n]; return used })
	}
	if id, used := e.names[rec.Name]; used {
		return refuse.Conflict("Conflict. The container name %q is already in use by container %q. You have to remove (or "+
			"rename) that container to be able to reuse that name.",
			"/"+rec.Name, id)
	}
	e.names[rec.Name] = rec.ID
	return nil
}

func (e *Engine) releaseName(name string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.names, name)
}

// imageFor resolves the image of a new container. The built-in image is made when it is first used.
func (e *Engine) imageFor(ctx context.Context, ref string) (*image.Image, error) {
	img, err := e.images.Resolve(ref)
	if errdefs.IsNotFound(err) && image.IsHello(ref) {
		return e.images.MakeHello(ctx)
	}
	return img, err
}

// fillInit makes what every root has in the layer below the container's, and fills the container's volumes from it.
// whole is false if the working folder has to be created in the container's own layer.
func (e *Engine) fillInit(ctx context.Context, name string, rec *lifecycle.Record) (whole bool, err error) {
	err = e.roots.Within(ctx, name, func(dir int, root string) error {
		uid, gid := e.o.IDs.Root()
		err := rootfs.Fill(e.o.Disk, dir, uid, gid)
		if err == nil {
			whole, err = workdir.Exists(dir, spec.WorkingDir(rec.Config.WorkingDir))
		}
		if err != nil {
			return err
		}
		return e.fillVolumes(ctx, dir, root, rec)
	})
	return whole, err
}
