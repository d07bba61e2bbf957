// Package engine implements the operations on containers, images, networks and volumes, with a file for each verb. It
// uses the types of Docker's API as data, and does not know about HTTP.
package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/containerd/errdefs"
	api "github.com/moby/moby/api/types/container"
	apievents "github.com/moby/moby/api/types/events"

	"box/engine/apparmor"
	"box/engine/cgroup"
	"box/engine/events"
	"box/engine/ident"
	"box/engine/image"
	"box/engine/lifecycle"
	"box/engine/migrate"
	"box/engine/network"
	"box/engine/network/catalog"
	"box/engine/recovery"
	"box/engine/registry"
	"box/engine/rootfs"
	"box/engine/spec"
	"box/engine/state"
	"box/engine/stats/actions"
	"box/engine/stats/collect"
	"box/engine/stats/history"
	"box/engine/stats/sample"
	"box/engine/task"
	"box/engine/volume"
	"box/fs"
	"box/fs/disk"
)

// Options configure an engine. The zero value of a field means the default in its comment.
type Options struct {
	Root   string                                              // data root: /var/lib/docker
	Run    string                                              // exec root: /var/run/docker
	Layers func(context.Context, *state.DB) (fs.Driver, error) // the storage driver, opened on the state file; required
	// RecoverLayers rebuilds the tables of layers if the state is lost (drivers.Recover). nil: a damaged state is
	// refused.
	RecoverLayers func(ctx context.Context, db *state.DB, wanted func(layer string) bool) (map[string]fs.Recovered, error)
	// OtherLayers opens another storage driver of the data root by name, with options of its own, for Migrate; nil: there
	// is none.
	OtherLayers func(ctx context.Context, db *state.DB, name string, opts []string) (fs.Driver, error)
	Tasks       task.Launcher // who starts programs; required
	// Makes sure that Tasks is served, at start and when it was lost; nil: it always is
	Keeper       func(context.Context) error
	Net          network.Plane      // nil: only the networks host and none
	Bridge       Bridge             //
	Now          func() time.Time   // time.Now
	Log          *slog.Logger       // slog.Default
	Limits       cgroup.Support     // what the kernel can limit: found by itself
	Init         string             // host path of this executable, the init of --init: found by itself
	CgroupParent string             // of containers that ask for none: /docker
	Version      string             // of the product
	Release      string             // of Docker, that info tells as the server's version; "" for Version
	ResolvConf   string             // of the host: /etc/resolv.conf
	Experimental bool               // told in version and info
	LogConfig    api.LogConfig      // of containers that ask for none: json-file, and its options
	IDs          fs.IDMaps          // of the user namespaces of containers (--userns-remap); none
	Warnings     []string           // told in info beside those of the engine
	AppArmor     apparmor.Host      // this machine
	Describe     func(*sample.Host) // adds to what is told of the host: nil, nothing
	Measured     func()             // called each ten seconds when the monitor has measured: nil, nothing
	NoRestarts   bool               // Open starts nothing, whatever the restart policies say
	Disk         *disk.Disk         // where changes go: the kernel
	Settings     Settings           // what Reload may change
}

// Engine owns everything below one data root. Its methods may be called by several goroutines.
type Engine struct {
	o        Options
	log      *slog.Logger
	db       *state.DB
	layers   fs.Driver
	images   *image.Catalog
	registry atomic.Pointer[registry.Client]
	live     atomic.Pointer[Settings]
	bus      events.Bus
	filters  spec.Filters
	id       string
	copies   *recovery.Keeper
	notes    []string // on what was found damaged or missing when it was opened

	volumes           *volume.Store
	pruningVolumes    sync.Mutex // one prune of volumes at a time
	pruningContainers sync.Mutex // one prune of containers at a time
	pruningNetworks   sync.Mutex // one prune of networks at a time

	mu         sync.RWMutex // guards the maps; never held over I/O
	containers map[string]*lifecycle.Container
	names      map[string]string // name -> container ID
	execs      map[string]*execution
	nets       *catalog.Catalog
	elsewhere  map[string]string // stopped containers of other storage drivers: ID -> driver
	offers     []string          // what info says about those drivers
	roots      *rootfs.Roots
	groups     func() (*cgroup.Hierarchies, error) // what is mounted, looked at once
	spared     network.SparedPorts                 // ports of containers that are about to be started

	pruning   sync.Mutex // one prune of images at a time
	migrating sync.Mutex // one migration at a time

	saver   *lifecycle.Saver
	monitor *collect.Collector
	actions actions.Actions
	begin   sync.Once // of the history
	history atomic.Pointer[history.Store]
	started time.Time

	unconfined sync.Map // why containers are confined by no AppArmor profile: the reasons that the log has
	stop       context.CancelFunc
	stopped    context.Context
	work       sync.WaitGroup // every goroutine of the engine's own
	ending     sync.Mutex     // a timer that fires while the engine ends adds no work that nobody waits for
}

// Open opens the data root, takes over what an earlier daemon left running, and starts containers as their restart
// policies say. It refuses a data root that another engine wrote or that a running daemon uses, without changing it.
func Open(ctx context.Context, o Options) (*Engine, error) {
	o = withDefaults(o)
	if err := errors.Join(CheckLog(o.LogConfig), CheckRoot(o.Root)); err != nil {
		return nil, err
	}
	for _, dir := range []string{o.Root, filepath.Join(o.Root, "containers"), o.Run, filepath.Join(o.Run, "containers")} {
		if err := o.Disk.MkdirAll(dir, 0o711); err != nil {
			return nil, fmt.Errorf("data root: %w", err)
		}
	}
	keep := &recovery.Options{Root: o.Root, Layers: o.RecoverLayers, Now: o.Now, Disk: o.Disk}
	db, notes, err := recovery.Open(ctx, keep)
	if err != nil {
		return nil, err
	}
	e := &Engine{
		o: o, log: o.Log, db: db, copies: recovery.NewKeeper(keep, db),
		containers: map[string]*lifecycle.Container{}, names: map[string]string{}, execs: map[string]*execution{},
		groups:    sync.OnceValues(cgroup.Read),
		elsewhere: map[string]string{},
		started:   o.Now(),
		saver:     lifecycle.NewSaver(filepath.Join(o.Run, "containers"), o.Disk, db, o.Log),
	}
	db.OnChange(e.copies.Changed)
	if err := e.bus.Keep(filepath.Join(o.Root, "events"), o.Disk, o.Log); err != nil {
		e.log.Error("events are not kept", "error", err)
	}
	e.take(o.Settings)
	e.note(notes)
	e.stopped, e.stop = context.WithCancel(context.WithoutCancel(ctx))
	if err := e.open(ctx); err != nil {
		e.end()
		return nil, errors.Join(err, e.closeStores())
	}
	e.startMonitor()
	_ = e.confinement(ctx) // says now what cannot be had
	return e, nil
}

func withDefaults(o Options) Options {
	if o.Root == "" {
		o.Root = "/var/lib/docker"
	}
	if o.Run == "" {
		o.Run = "/var/run/docker"
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.LogConfig.Type == "" {
		o.LogConfig.Type = defaultLog
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Keeper == nil {
		o.Keeper = func(context.Context) error { return nil }
	}
	if o.Limits == (cgroup.Support{}) {
		o.Limits = cgroup.Supported()
	}
	if o.Release == "" {
		o.Release = o.Version
	}
	if o.Init == "" {
		o.Init, _ = os.Executable()
	}
	return o
}

// agent returns the User-Agent for registries.
func (e *Engine) agent() string {
	return "docker/" + e.o.Version + " box os/linux arch/" + runtime.GOARCH
}

// open does the steps of Open that closing the stores undoes.
func (e *Engine) open(ctx context.Context) (err error) {
	if e.id, err = e.engineID(); err != nil {
		return err
	}
	if e.layers, err = e.o.Layers(ctx, e.db); err != nil {
		return err
	}
	e.roots = rootfs.New(e.layers, e.log)
	if err := migrate.Begin(ctx, e.db, e.layers); err != nil {
		return err
	}
	if e.images, err = image.OpenCatalog(ctx, e.o.Root, e.db, e.layers, e.o.Disk, e.o.IDs); err != nil {
		return err
	}
	warn := func(err error) { e.log.Error("volumes", "error", err) }
	e.note(e.images.Faults())
	if c, ok := e.layers.(fs.Checker); ok {
		e.note(c.Faults())
	}
	if e.volumes, err = volume.Open(filepath.Join(e.o.Root, "volumes"), e.db, e.o.Disk, e.o.IDs, e.o.Now,
		warn); err != nil {
		return err
	}
	if err := e.openNetworks(); err != nil {
		return err
	}
	if err := e.o.Keeper(ctx); err != nil {
		return err
	}
	return e.recover(ctx)
}

// Close stops the containers, unless live-restore is set, and releases the data root.
func (e *Engine) Close(ctx context.Context) error {
	if !e.settings().LiveRestore {
		e.stopAll(ctx)
	}
	e.end()
	err := errors.Join(e.saver.Flush(), e.history.Load().Close())
	err = errors.Join(err, e.copies.Copy())
	if e.o.Net != nil {
		err = errors.Join(err, e.o.Net.Close(!e.anyRunning()))
	}
	return errors.Join(err, e.closeStores())
}

func (e *Engine) closeStores() error {
	var err error
	e.registry.Load().Close()
	if e.layers != nil {
		err = e.layers.Close()
	}
	return errors.Join(err, e.bus.Close(), e.db.Close())
}

// foreign are the entries of a data root that only other engines write.
var foreign = []string{"containerd", "engine-id", "network", "swarm", "buildkit", "runtimes", "plugins",
	"balena-engine"}

// CheckRoot refuses a data root that Docker or another engine wrote, because the layouts share names and nothing of
// others may be changed.
func CheckRoot(root string) error {
	if _, err := os.Stat(filepath.Join(root, "box.db")); err == nil {
		return nil
	}
	for _, name := range foreign {
		if _, err := os.Lstat(filepath.Join(root, name)); err == nil {
			return fmt.Errorf("%s holds the data of another engine (%s): give box a folder of its own with --data-root: %w",
				root, name, errdefs.ErrFailedPrecondition)
		}
	}
	return nil
}

// Note logs sentences and adds them to info. It is called before the engine serves.
func (e *Engine) Note(sentences ...string) { e.note(sentences) }

// note logs sentences and adds them to info.
func (e *Engine) note(sentences []string) {
	for _, s := range sentences {
		e.log.Warn(s)
	}
	e.notes = append(e.notes, sentences...)
}

// publishStartup publishes that the daemon was started, which is of box's own.
func (e *Engine) publishStartup() {
	host, _ := os.Hostname()
	e.bus.Publish(context.Background(), apievents.DaemonEventType, "startup", e.id,
		map[string]string{"name": host, "version": e.o.Version})
}

// publishNotes publishes them as events.
func (e *Engine) publishNotes() {
	for _, s := range e.notes {
		e.bus.Publish(context.Background(), apievents.DaemonEventType, "damage", e.id, map[string]string{"message": s})
	}
}

// Recover rebuilds a damaged or lost state from its copy and from what is on disk. It starts nothing. Of o it uses Root
// and RecoverLayers.
func Recover(ctx context.Context, o Options) (lines []string, err error) {
	o = withDefaults(o)
	if err := CheckRoot(o.Root); err != nil {
		return nil, err
	}
	r, err := recovery.Recover(ctx, recovery.Options{Root: o.Root, Layers: o.RecoverLayers, Now: o.Now, Disk: o.Disk})
	if err != nil {
		return nil, err
	}
	return r.Lines(), nil
}

// engineID returns the ID of the engine, which is generated once.
func (e *Engine) engineID() (id string, err error) {
	table := state.Table[string]{Name: "meta"}
	err = e.db.View(func(tx *state.Tx) error {
		id, err = table.Get(tx, "engine-id")
		return err
	})
	if !errdefs.IsNotFound(err) {
		return id, err
	}
	id = ident.UUID()
	return id, e.db.Update(func(tx *state.Tx) error { return table.Put(tx, "engine-id", id) })
}

// Events returns the bus on which the engine publishes events.
func (e *Engine) Events() *events.Bus { return &e.bus }
