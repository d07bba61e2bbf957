package dockerd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"box/engine"
	"box/engine/cgroup"
	"box/engine/network"
	"box/engine/state"
	"box/engine/stats/sample"
	"box/fs"
	"box/fs/diskspace"
	"box/fs/drivers"
	"box/personalities/cmd"
	"box/personalities/dockerd/config"
)

// Command is the daemon as a personality.
var Command = cmd.Command{Name: "dockerd", Summary: "Run the container daemon", Serves: true, Main: run}

// Pages returns the daemon's page of the manual.
func Pages() []*cmd.Usage {
	u := new(config.Options).Usage()
	u.Detail = config.Unsupported(u)
	u.Examples = []cmd.Line{
		{Text: "dockerd --detach", Why: "Start in the background, with the log in dockerd.log in the exec root"},
		{Text: "dockerd --tlsverify -H tcp://0.0.0.0:2376 -H unix:///var/run/docker.sock",
			Why: "Serve other hosts, after box certs init"},
		{Text: "dockerd --validate --config-file daemon.json", Why: "Check a configuration"},
		{Text: "dockerd --data-root /mnt/flash/docker --live-restore",
			Why: "Keep data on another disk, and keep containers running without the daemon"},
		{Text: "dockerd --recover", Why: "Rebuild the state from its copy and from what is on the disk"},
	}
	u.Files = []cmd.Line{
		{Text: "/etc/docker/daemon.json", Why: "Options, read at startup and on SIGHUP"},
		{Text: "/etc/docker/certs.d/HOST/", Why: "Authorities and client certificates for registries"},
		{Text: "/var/lib/docker/box.db, box.db.copy", Why: "The state and its last good copy"},
		{Text: "/var/lib/docker/containers/ID/ID-json.log", Why: "The output of a container"},
		{Text: "/var/run/docker.sock, /var/run/docker.pid", Why: "The socket, and the pid of the daemon"},
	}
	return []*cmd.Usage{u}
}

// startHeap limits the heap until the daemon listens, in bytes.
const startHeap = 32 << 20

// heapGoal trades CPU time for memory, since a daemon is mostly idle.
const heapGoal = 50 // GOGC

// profileRate is the average number of bytes between two samples of the heap profile.
const profileRate = 512 << 10

func run(ctx context.Context, env *cmd.Env) error {
	o, err := config.Load(env)
	switch {
	case errors.Is(err, cmd.ErrHelp):
		u := new(config.Options).Usage()
		u.Help(env.Stdout)
		_, err = fmt.Fprintf(env.Stdout, "\n%s\n", strings.Join(cmd.Wrap(config.Unsupported(u), 100), "\n"))
		return err
	case err != nil:
		return err
	case o.Version:
		_, err = fmt.Fprintf(env.Stdout, "Docker version %s, build box\n", cmd.DockerVersion())
		return err
	}
	for _, n := range o.Notes {
		fmt.Fprintln(env.Stderr, n)
	}
	if o.Validate {
		if err := rehearse(o); err != nil {
			return &cmd.Exit{Code: 1, Err: err}
		}
		_, err = fmt.Fprintln(env.Stderr, "configuration OK")
		return err
	}
	if o.Detach {
		return detach(env, o)
	}
	if o.LogFile != "" {
		l, err := openLogFile(o.LogFile)
		if err != nil {
			return &cmd.Exit{Code: 1, Err: err}
		}
		env.Stdout, env.Stderr = l, l
	}
	if o.Debug {
		runtime.MemProfileRate = profileRate
	}
	// Most of what startup allocates stays in use. To collect garbage meanwhile would take a tenth of the time to start
	// a daemon with many containers.
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(startHeap)
	log, level := logger(o, env.Stderr)
	if err := serve(ctx, env, o, log, level); err != nil {
		return &cmd.Exit{Code: 1, Err: fmt.Errorf("box dockerd: %w", err)}
	}
	return nil
}

// serve runs the daemon until a signal ends it.
func serve(ctx context.Context, env *cmd.Env, o *config.Options, log *slog.Logger, level *slog.LevelVar) error {
	ctx, cancel := signal.NotifyContext(ctx, unix.SIGINT, unix.SIGTERM)
	defer cancel()
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, unix.SIGHUP)
	defer signal.Stop(hangup)
	if err := prepare(o); err != nil {
		return err
	}
	if err := leaveChroot(env, o, log); err != nil {
		return err
	}
	pid, err := takePidfile(o.Pidfile)
	if err != nil {
		return err
	}
	defer pid.remove()
	defer cmd.StacksOnSignal(o.ExecRoot, log)()
	ids, err := remap(o, log)
	if err != nil {
		return err
	}
	if o.Recover {
		return recoverState(ctx, o, env)
	}
	if err := cgroup.Ensure(); err != nil {
		return err
	}
	// listen first, so that clients that connect during startup wait
	secure, err := openTLS(&o.Remote, log)
	if err != nil {
		return err
	}
	k := &keeperProcess{run: o.ExecRoot, log: log}
	sockets := takeOver(ctx, k.client(), log)
	defer sockets.leave()
	listeners, err := listenAll(env, o, secure, sockets, log)
	if err != nil {
		return err
	}
	defer closeAll(listeners)
	numbers, err := listenMetrics(o.MetricsAddr)
	if err != nil {
		return err
	}
	defer numbers.close()
	page, err := listenMonitor(o, secure)
	if err != nil {
		return err
	}
	defer page.close()
	sockets.start()
	warn(env, o.Remote.Warnings(listeners))
	plane, err := network.Open(network.Options{ExecRoot: o.ExecRoot, Holder: k.client(), Log: log,
		NoRules: bool(o.NoRules), NoForward: bool(o.NoForward)})
	if err != nil {
		return err
	}
	rest := cmd.NewRest()
	own, wrong := &self{secure: secure, keeper: k.socket()}, newLimits(o, log)
	var noted []string
	settings := engine.Options{
		Root: o.DataRoot, Run: o.ExecRoot, Tasks: k.client(), Keeper: k.ensure, Net: plane, Log: log,
		Layers: func(ctx context.Context, db *state.DB) (fs.Driver, error) {
			return drivers.Open(ctx, o.DataRoot, o.StorageDriver, db.Layers(), nil, o.StorageOpts,
				func(text string) { noted = append(noted, text) })
		},
		OtherLayers: func(ctx context.Context, db *state.DB, name string, opts []string) (fs.Driver, error) {
			return drivers.Open(ctx, o.DataRoot, name, db.Layers(), nil, opts, nil)
		},
		RecoverLayers: recoverLayers(o),
		Bridge:        o.DefaultNetwork(), ResolvConf: o.ResolvConf, CgroupParent: o.CgroupParent, Version: cmd.Version,
		Release: cmd.DockerVersion(), Experimental: o.Experimental,
		LogConfig: o.LogConfig(), IDs: ids, Warnings: o.Remote.Warnings(listeners), NoRestarts: bool(o.NoRestarts),
		Settings: o.Settings(), Measured: rest.Blink,
		Describe: func(h *sample.Host) { own.describe(h); wrong.describe(h) },
	}
	e, err := engine.Open(ctx, settings)
	if err != nil {
		return diskspace.Explain(err, o.DataRoot, o.ExecRoot)
	}
	e.Note(noted...)
	numbers.serve(e)
	defer pushAll(ctx, o, e, log)()
	defer wrong.watch(o, e.Monitor().Follow)()
	server := newServer(e, o.LowestAPI, secure, rest, log)
	if err := authorize(ctx, o, server); err != nil {
		return errors.Join(err, closeEngine(e, k, o, sockets))
	}
	if err := account(ctx, o, env, e); err != nil {
		return errors.Join(err, closeEngine(e, k, o, sockets))
	}
	if err := page.serve(env, o, server, log); err != nil {
		return errors.Join(err, closeEngine(e, k, o, sockets))
	}
	r := reloader{env: env, o: o, e: e, server: server, limits: wrong, log: log, level: level}
	stop := r.on(hangup)
	ends := newNotifier(env.Getenv).ready(func() { _, _ = e.Info(ctx) }) // which takes every lock
	err = answer(ctx, env, listeners, server, func() time.Duration {
		stop()
		ends()
		page.close()
		fmt.Fprintln(env.Stderr, farewell(context.Background(), o, e))
		sockets.stay = o.LiveRestore
		return sockets.drain()
	})
	return errors.Join(err, closeEngine(e, k, o, sockets))
}

// closeEngine stops the containers. It ends the keeper if no container is left and it holds no sockets for another
// daemon.
func closeEngine(e *engine.Engine, k *keeperProcess, o *config.Options, sockets *handover) error {
	ctx := context.Background()
	if o.ShutdownTimeout >= 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, config.Seconds(o.ShutdownTimeout)+20*time.Second)
		defer cancel()
	}
	err := e.Close(ctx)
	if !sockets.leave() {
		k.quit(ctx)
	}
	if groups, err := cgroup.Read(); err == nil {
		groups.RemoveParents(cmp.Or(o.CgroupParent, "docker"))
	}
	return err
}

// detachWait is how often detach checks whether the daemon listens.
const detachWait = 5 * time.Millisecond

// detach starts the daemon in a session of its own, with its log in a file. It returns once the daemon listens, and
// prints its messages if it fails.
func detach(env *cmd.Env, o *config.Options) error {
	var args []string
	for _, a := range env.Args {
		if a != "--detach" && a != "--detach=true" {
			args = append(args, a)
		}
	}
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(o.ExecRoot, 0o711); err != nil {
		return err
	}
	log, begin, err := detachedLog(o)
	if err != nil {
		return err
	}
	defer log.Close()
	c := exec.Command(exe, append([]string{"dockerd"}, args...)...)
	c.Dir, c.Stderr = env.Dir, log
	c.SysProcAttr = &unix.SysProcAttr{Setsid: true}
	if err := c.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }() // cut off when this process ends before the daemon
	for {
		said, err := readFrom(log.Name(), begin)
		if err != nil {
			return err
		}
		if strings.Contains(string(said), "API listen on ") {
			_, err = env.Stderr.Write(said)
			return err
		}
		select {
		case <-ended:
			said, _ = readFrom(log.Name(), begin)
			_, _ = env.Stderr.Write(said)
			return &cmd.Exit{Code: 1}
		case <-time.After(detachWait):
		}
	}
}

// detachedLog opens the log of a detached daemon, and returns how long it is already.
func detachedLog(o *config.Options) (*os.File, int64, error) {
	path, fresh := o.LogFile, 0
	if path == "" {
		path, fresh = filepath.Join(o.ExecRoot, "dockerd.log"), os.O_TRUNC
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, 0, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_APPEND|fresh, 0o640)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, info.Size(), nil
}

// readFrom returns the content of a file after an offset, or all of it if the file was replaced by a shorter one.
func readFrom(path string, begin int64) ([]byte, error) {
	said, err := os.ReadFile(path)
	if err == nil && int64(len(said)) >= begin {
		said = said[begin:]
	}
	return said, err
}
