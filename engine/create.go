package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/containerd/errdefs"
	api "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
	apinetwork "github.com/moby/moby/api/types/network"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"box/engine/image"
	"box/engine/recovery"
	"box/engine/refuse"
	"box/engine/spec"
	"box/engine/state"
	"box/engine/workdir"
	"box/fs"
)

// Creation is what a container is to be made from.
type Creation struct {
	Name       string // "" for one that is made up
	Config     *api.Config
	Host       *api.HostConfig
	Networking *apinetwork.NetworkingConfig
	Platform   *ocispec.Platform // that the image must be for; nil for any
	Shallow    bool              // read-only binds leave what is mounted below them writable
}

// Create makes a container, which Start runs. When it returns without an error the container outlives a crash; with one,
// nothing of it is left.
func (e *Engine) Create(ctx context.Context, q Creation) (api.CreateResponse, error) {
	var none api.CreateResponse
	if q.Config == nil {
		return none, refuse.Invalid("Config cannot be empty in order to create a container")
	}
	if q.Host == nil {
		q.Host = &api.HostConfig{}
	}
	if err := conflicts(q.Config, q.Host); err != nil {
		return none, err
	}
	img, err := e.imageFor(ctx, q.Config.Image)
	if err == nil {
		err = checkPlatform(img, q.Config.Image, q.Platform)
	}
	if err != nil {
		return none, err
	}
	rec := record{
		ID: newID(), Name: q.Name, Created: e.o.Now().UTC(), Image: img.ID.String(), Layer: img.ChainID().String(),
		Config: mergeConfig(q.Config, img), Host: q.Host, Driver: e.layers.Name(), Shallow: q.Shallow,
	}
	warnings, err := e.complete(&rec, q.Networking)
	if err != nil {
		return none, err
	}
	if q.Platform == nil {
		warnings = append(platformWarnings(img), warnings...)
	}
	if err := e.reserveName(&rec); err != nil {
		return none, err
	}
	if err := e.build(ctx, &rec); err != nil {
		e.releaseName(rec.Name)
		for _, v := range e.volumes.Discard(rec.ID) {
			e.publishVolume(ctx, v, events.ActionDestroy)
		}
		return none, errors.Join(err, e.unbuild(context.WithoutCancel(ctx), &rec, layerNames(rec.ID, e.imageLayers(ctx, rec.ID))))
	}
	e.volumes.Saved(volumesOf(&rec)...)
	c := newContainer(rec, status{State: api.StateCreated})
	e.mu.Lock()
	e.containers[rec.ID] = c
	e.mu.Unlock()
	e.publish(ctx, c, events.ActionCreate)
	return api.CreateResponse{ID: rec.ID, Warnings: warnings}, nil
}

// complete fills in what was left out and refuses what cannot be.
func (e *Engine) complete(rec *record, networking *apinetwork.NetworkingConfig) (warnings []string, err error) {
	if warnings, err = e.validate(rec); err != nil {
		return nil, err
	}
	if err := e.lenders(rec.Host); err != nil {
		return nil, err
	}
	if rec.Networks, err = e.wantedNetworks(rec, networking); err != nil {
		return nil, err
	}
	argv := slices.Concat(rec.Config.Entrypoint, rec.Config.Cmd)
	if len(argv) == 0 {
		return nil, refuse.Invalid("no command specified")
	}
	rec.Path, rec.Args = argv[0], argv[1:]
	if rec.Config.Hostname == "" {
		rec.Config.Hostname = short(rec.ID)
		if rec.Host.NetworkMode.IsHost() || rec.Host.UTSMode.IsHost() {
			rec.Config.Hostname, _ = os.Hostname()
		}
	}
	rec.Cgroup = spec.CgroupPath(rec.Host.CgroupParent, e.o.CgroupParent, rec.ID)
	rec.Mounts, err = e.wantedMounts(rec)
	return warnings, err
}

// build makes the container's layers, folder and record, in this order: a crash before the record leaves orphans, which
// the next Open sweeps.
func (e *Engine) build(ctx context.Context, rec *record) error {
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
			e.volumes.Save(tx, volumesOf(rec)...),
			recordTable.Put(tx, rec.ID, *rec),
			statusTable.Put(tx, rec.ID, status{State: api.StateCreated}),
		)
	})
}

// buildRoot prepares the two layers of a container: <id>-init holds the files that are mounted over, so that they
// are no changes of the container's, and <id> what the container writes.
func (e *Engine) buildRoot(ctx context.Context, rec *record) error {
	base := rec.ID + "-init"
	opts := fs.PrepareOptions{Purpose: fs.ForContainer, Deferred: true, IDMaps: e.o.IDs}
	quota, err := storageQuota(rec.Host.StorageOpt)
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
	if errdefs.IsNotImplemented(err) && e.layers.Name() == "overlay2" {
		return refuse.Invalid("--storage-opt is supported only for overlay over xfs with 'pquota' mount option")
	}
	if err != nil {
		return fmt.Errorf("layer of the container: %w", err)
	}
	if !whole {
		err = e.inRoot(ctx, rec.ID, func(dir int, _ string) error {
			uid, gid := e.o.IDs.Root()
			return workdir.Make(e.o.Disk, dir, rec.Config.WorkingDir, uid, gid)
		})
		if err != nil {
			return err
		}
	}
	return e.writeMountID(rec)
}

// mountIDPath is where cAdvisor looks up which layer is a container's.
func (e *Engine) mountIDPath(id string) string {
	return filepath.Join(e.o.Root, "image", e.layers.Name(), "layerdb", "mounts", id)
}

func (e *Engine) writeMountID(rec *record) error {
	dir := e.mountIDPath(rec.ID)
	if err := e.o.Disk.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return e.o.Disk.WriteFile(filepath.Join(dir, "mount-id"), []byte(rec.ID), 0o644)
}

// unbuild deletes what build made, the layers by name.
func (e *Engine) unbuild(ctx context.Context, rec *record, layers []string) error {
	var errs error
	for _, name := range layers {
		errs = errors.Join(errs, e.layers.Remove(ctx, name))
	}
	return errors.Join(errs,
		e.o.Disk.RemoveAll(e.mountIDPath(rec.ID)),
		e.o.Disk.RemoveAll(e.dir(rec.ID)),
	)
}

// reserveName takes rec.Name, or a made-up one.
func (e *Engine) reserveName(rec *record) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if rec.Name == "" {
		rec.Name = newName(func(n string) bool { _, used := e.names[n]; return used })
	}
	if id, used := e.names[rec.Name]; used {
		return refuse.Conflict("Conflict. The container name %q is already in use by container %q. You have to remove (or rename) that container to be able to reuse that name.",
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

// imageFor resolves the image of a new container. The built-in image is made when it is first asked for.
func (e *Engine) imageFor(ctx context.Context, ref string) (*image.Image, error) {
	img, err := e.images.Resolve(ref)
	if errdefs.IsNotFound(err) && image.IsHello(ref) {
		return e.images.MakeHello(ctx)
	}
	return img, err
}

// mergeConfig gives the image's configuration with the user's over it, by Docker's rules.
func mergeConfig(user *api.Config, img *image.Image) *api.Config {
	c := *user
	from := img.Config.Config
	if c.User == "" {
		c.User = from.User
	}
	if len(from.ExposedPorts) > 0 {
		c.ExposedPorts = exposedPorts(c.ExposedPorts, from.ExposedPorts)
	}
	c.Env = slices.Clone(c.Env) // as it is: a name alone takes what the image or the daemon sets away, when it starts
	for _, v := range from.Env {
		if !hasVariable(user.Env, v) {
			c.Env = append(c.Env, v)
		}
	}
	if len(from.Labels) > 0 {
		labels := maps.Clone(from.Labels)
		maps.Copy(labels, c.Labels)
		c.Labels = labels
	}
	if c.Labels == nil {
		c.Labels = map[string]string{}
	}
	if len(c.Entrypoint) == 0 {
		if len(c.Cmd) == 0 {
			c.Cmd = from.Cmd
		}
		if c.Entrypoint == nil {
			c.Entrypoint = from.Entrypoint
		}
	}
	if len(c.Entrypoint) == 1 && c.Entrypoint[0] == "" {
		c.Entrypoint = nil
	}
	c.Healthcheck = filledHealth(c.Healthcheck, from.Healthcheck)
	if len(c.Shell) == 0 {
		c.Shell = from.Shell
	}
	if c.WorkingDir == "" {
		c.WorkingDir = from.WorkingDir
	}
	if len(from.Volumes) > 0 {
		volumes := maps.Clone(from.Volumes)
		maps.Copy(volumes, c.Volumes)
		c.Volumes = volumes
	}
	if c.StopSignal == "" {
		c.StopSignal = from.StopSignal
	}
	return &c
}

// hasVariable tells whether env sets or removes the variable of v.
func hasVariable(env []string, v string) bool {
	name := variable(v)
	return slices.ContainsFunc(env, func(e string) bool { return variable(e) == name })
}

func exposedPorts(user apinetwork.PortSet, img map[string]struct{}) apinetwork.PortSet {
	out := apinetwork.PortSet{}
	maps.Copy(out, user)
	for s := range img {
		if p, err := apinetwork.ParsePort(s); err == nil {
			out[p] = struct{}{}
		}
	}
	return out
}
