package engine

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/containerd/errdefs"
	api "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"box/engine/cgroup"
	"box/engine/health"
	"box/engine/ident"
	"box/engine/lifecycle"
	"box/engine/refuse"
	"box/engine/spec"
	"box/engine/task"
	"box/fs"
	"box/panics"
)

// Start starts a container. If it is running, the error is refuse.ErrNotModified.
func (e *Engine) Start(ctx context.Context, ref string) (err error) {
	defer e.actions.Time("container", "start", &err)()
	c, err := e.container(ref)
	if err != nil {
		return err
	}
	c.Lock()
	defer c.Unlock()
	st, _ := c.Now()
	switch {
	case c.Damaged() != "":
		return refuse.Conflict("container %s is damaged and can only be removed: %s", ident.Short(c.ID()), c.Damaged())
	case st.State == api.StatePaused:
		return refuse.Conflict("cannot start a paused container, try unpause instead")
	case st.State == api.StateRunning:
		return refuse.NotModified("container %s is running already", ident.Short(c.ID()))
	case st.State == api.StateRemoving || st.State == api.StateDead || c.Gone():
		return refuse.Conflict("container is marked for removal and cannot be started")
	}
	if err := e.here(c); err != nil {
		return err
	}
	c.CancelRestart()
	err = e.start(ctx, c, func(s *lifecycle.Status) { s.Restarts, s.Backoff = 0, 0 })
	if err != nil {
		e.removeEnded(c)
	}
	if err == nil {
		e.saveWish(c)
	}
	return err
}

// start starts a container. c.op is held. prepare sets more of its status when it runs. After an error nothing has
// changed except the exit code and the error that inspect shows.
func (e *Engine) start(ctx context.Context, c *lifecycle.Container, prepare func(*lifecycle.Status)) (err error) {
	ctx = context.WithoutCancel(ctx) // a client that goes away must not leave a container half started
	rec := c.Record()
	var undo undoing
	var root string
	defer func() {
		if err == nil {
			return
		}
		hint := e.missingProgram(&rec, root, err)
		undo.run()
		err = startError(err)
		if x := (*startErr)(nil); hint != "" && errors.As(err, &x) {
			x.text += ": " + hint
		}
		e.startFailed(c, err)
	}()
	var joined sandbox
	root, joined, err = e.bringUp(ctx, c, &rec, &undo)
	defer joined.release()
	if err != nil {
		return err
	}
	undo.add(func() { e.dropMounts(&rec)() })
	s, err := e.specOf(&rec, root, joined)
	if err != nil {
		return err
	}
	runtime, known := task.Runtime(rec.Host.Runtime)
	if !known {
		return refuse.Invalid("unknown or invalid runtime name: %s", rec.Host.Runtime)
	}
	filter, err := e.filterOf(&rec, s, runtime)
	if err != nil {
		return err
	}
	waiting := c.Waiting()
	log, err := e.logOf(&rec)
	if err != nil {
		return err
	}
	l := task.Launch{ID: rec.ID, Runtime: runtime, Spec: s, Filter: filter, Stdin: rec.Config.OpenStdin, Log: log}
	var files []*os.File
	for _, w := range waiting {
		l.Attach = append(l.Attach, w.Opts)
		files = append(files, w.Hand())
	}
	ts, err := e.o.Tasks.Launch(ctx, l, files)
	if errdefs.IsUnavailable(err) {
		e.clear(&rec) // a keeper that was lost in the middle may have started it: nobody else knows
	}
	if err != nil {
		return err
	}
	err = c.To(api.StateRunning, func(s *lifecycle.Status) {
		s.Pid, s.Started = ts.Pid, ts.Started.UTC()
		s.ExitCode, s.Error, s.OOMKilled = 0, "", false
		s.ByHand, s.NoRestart = false, false
		s.Health = health.Fresh(rec.Config, s.Health)
		s.Endpoints, s.Sandbox = joined.endpoints, joined.path
		prepare(s)
	})
	if err != nil {
		return err
	}
	e.publish(ctx, c, events.ActionStart)
	e.watchHealth(c)
	e.watchOOM(c, true)
	e.relink(c)
	return nil
}

// bringUp mounts the root and the images in it, and joins the networks at the same time.
func (e *Engine) bringUp(ctx context.Context, c *lifecycle.Container, rec *lifecycle.Record,
	undo *undoing) (root string, j sandbox, err error) {
	type mounted struct {
		root string
		err  error
	}
	ready := make(chan mounted, 1)
	go func() {
		var m mounted
		m.err = panics.Call(func() (err error) {
			m.root, err = e.roots.MountAll(ctx, rec)
			return err
		})
		ready <- m
	}()
	j, err = e.join(ctx, c, rec)
	if err == nil || j.path != "" || len(j.endpoints) > 0 {
		undo.add(func() { e.leave(context.WithoutCancel(ctx), c, j.endpoints, j.own)() })
	}
	m := <-ready
	if m.err == nil {
		undo.add(func() { e.roots.UnmountAll(rec) })
	}
	return m.root, j, errors.Join(err, m.err)
}

// specOf returns the OCI spec of a container whose root is mounted and whose networks are joined.
func (e *Engine) specOf(rec *lifecycle.Record, root string, j sandbox) (*specs.Spec, error) {
	hosts, env, err := e.linked(rec)
	if err != nil {
		return nil, err
	}
	if err := e.writeFiles(rec, j, hosts); err != nil {
		return nil, err
	}
	user, err := spec.User(root, rec.Config.User, rec.Host.GroupAdd)
	if err != nil {
		return nil, err
	}
	mounts, err := e.useMounts(rec)
	if err != nil {
		return nil, err
	}
	devices, rules, err := spec.Devices(rec.Host)
	if err != nil {
		return nil, err
	}
	security, err := e.securityOf(rec.Host)
	if err != nil {
		return nil, err
	}
	in := spec.Input{
		ID: rec.ID, Config: rec.Config, Host: rec.Host, Root: root, User: user,
		Args: append([]string{rec.Path}, rec.Args...), Hostname: rec.Config.Hostname, Env: env,
		Mounts: mounts, Devices: devices, Rules: rules, NetNS: j.path, UserNS: j.users, CgroupV2: cgroup.V2(),
		Confine: e.confinement(context.Background()), Security: security, Cgroup: rec.Cgroup,
		Files: []spec.Bind{
			{Source: filepath.Join(e.dir(rec.ID), "resolv.conf"), Target: "/etc/resolv.conf"},
			{Source: filepath.Join(e.dir(rec.ID), "hostname"), Target: "/etc/hostname"},
			{Source: filepath.Join(e.dir(rec.ID), "hosts"), Target: "/etc/hosts"},
		},
	}
	d := &e.settings().Container
	if own := rec.Host.Init; own != nil && *own || own == nil && d.Init {
		if in.Init = d.InitPath; in.Init == "" {
			in.Init = e.o.Init
		}
	}
	if rec.Host.NetworkMode.IsContainer() {
		if err := e.shareName(rec, &in); err != nil {
			return nil, err
		}
	}
	if err := e.shareNamespaces(rec, &in); err != nil {
		return nil, err
	}
	s, err := spec.Build(in)
	if err == nil && j.users != "" {
		s.Linux.UIDMappings = mappings(e.o.IDs.UIDs)
	}
	return s, err
}

// mappings converts ID maps for the runtime.
func mappings(ids []fs.IDMap) (list []specs.LinuxIDMapping) {
	for _, m := range ids {
		list = append(list, specs.LinuxIDMapping{ContainerID: uint32(m.Container), HostID: uint32(m.Host),
			Size: uint32(m.Size)})
	}
	return list
}

// undoing runs the added functions in reverse order.
type undoing struct{ steps []func() }

func (u *undoing) add(step func()) { u.steps = append(u.steps, step) }

func (u *undoing) run() {
	for i := len(u.steps) - 1; i >= 0; i-- {
		u.steps[i]()
	}
}

// Restart stops a running container, and starts it.
func (e *Engine) Restart(ctx context.Context, ref string, o StopOptions) error {
	c, err := e.container(ref)
	if err != nil {
		return err
	}
	if st, _ := c.Now(); st.Running() {
		// With --rm the end of the program is the end of the container: it must not be removed in between.
		c.Hold()
		defer e.letGo(c)
		if err := e.halt(ctx, c, o); err != nil {
			return err
		}
		e.publish(ctx, c, events.ActionStop)
	}
	if err := e.Start(ctx, c.ID()); err != nil && !errors.Is(err, refuse.ErrNotModified) {
		return err
	}
	e.publish(ctx, c, events.ActionRestart)
	return nil
}

// restartIn starts c again after a delay, unless its state changes before.
func (e *Engine) restartIn(c *lifecycle.Container, delay time.Duration) {
	c.RestartBy(func() *time.Timer {
		return e.later(delay, func() {
			c.Lock()
			defer c.Unlock()
			if st, _ := c.Now(); st.State != api.StateRestarting || e.stopped.Err() != nil {
				return
			}
			if err := e.start(context.Background(), c, func(*lifecycle.Status) {}); err != nil {
				e.log.Error("restart", "container", ident.Short(c.ID()), "error", err)
			}
		})
	})
}

// saveWish saves at once whether c is to run after a reboot. The user of a container with a restart policy was just
// told that it was started or stopped.
func (e *Engine) saveWish(c *lifecycle.Container) {
	if p := c.Record().Host.RestartPolicy; p.IsNone() {
		return
	}
	if err := e.saver.Flush(); err != nil {
		e.log.Error("save statuses", "error", err)
	}
}
