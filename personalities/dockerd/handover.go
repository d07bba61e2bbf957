package dockerd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"

	"box/engine/task"
	"box/personalities/dockerd/config"
)

// handover is how the sockets of the API go from one daemon to the next without a moment in which a connection is
// refused: the keeper has copies of them. An executable that replaces itself would need a signal of its own, which no
// init sends; a stop and a start are what each of them does, and after a crash it works as well.
type handover struct {
	keeper *task.Client
	log    *slog.Logger

	found map[string]*os.File // of the daemon before this one, by name
	hosts []config.Host       // of this daemon
	names []string
	own   []filer

	stay  bool // another daemon is to follow: this one was started as one that follows, or runs with --live-restore
	once  sync.Once
	mu    sync.Mutex
	lease *task.Lease // nil while the keeper has none of ours
	had   bool        // there was a lease once
	stop  func()      // ends the loop that keeps them kept
}

// filer is a listener whose socket can be copied.
type filer interface{ File() (*os.File, error) }

// backlog is how many connections may wait to be accepted; the kernel has its own limit (listen(2)).
const backlog = 4096

// takeWait bounds how long a keeper may take to answer before the sockets are made anew.
const takeWait = 5 * time.Second

// takeOver gets what the last daemon left. A keeper that is not there has nothing.
func takeOver(ctx context.Context, k *task.Client, log *slog.Logger) *handover {
	h := &handover{keeper: k, log: log, found: map[string]*os.File{}, stop: func() {}}
	ctx, cancel := context.WithTimeout(ctx, takeWait)
	defer cancel()
	names, files, err := k.Take(ctx)
	if err != nil && !errdefs.IsUnavailable(err) && !errdefs.IsNotFound(err) {
		log.Warn("sockets of the last daemon stay with the keeper", "error", err)
	}
	h.stay = len(files) > 0
	for i, f := range files {
		if i < len(names) {
			h.found[names[i]] = f
		} else {
			f.Close()
		}
	}
	return h
}

// listener is the socket of h if the last daemon had it, nil otherwise.
func (o *handover) listener(h config.Host, group string) (net.Listener, error) {
	name := socketName(h)
	f := o.found[name]
	if f == nil {
		return nil, nil
	}
	delete(o.found, name)
	defer f.Close()
	l, err := net.FileListener(f)
	if err != nil {
		return nil, fmt.Errorf("socket of the last daemon for %s: %w", h.Address, err)
	}
	if h.Scheme == "unix" {
		if err := listenAnew(l); err != nil {
			l.Close()
			return nil, err
		}
		if err := giveToGroup(h.Address, group); err != nil {
			l.Close()
			return nil, err
		}
	}
	return l, nil
}

// listenAnew makes this process the one whose number clients read of the socket (unix(7), SO_PEERCRED), by which they
// tell a daemon that is there from one that has ended.
func listenAnew(l net.Listener) error {
	u, ok := l.(*net.UnixListener)
	if !ok {
		return nil
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return err
	}
	var listenErr error
	err = raw.Control(func(fd uintptr) { listenErr = unix.Listen(int(fd), backlog) })
	return errors.Join(err, listenErr)
}

// forget closes what this daemon has no use for.
func (o *handover) forget() {
	for _, f := range o.found {
		f.Close()
	}
	clear(o.found)
}

// add notes a socket of this daemon's for the next one.
func (o *handover) add(h config.Host, l net.Listener) {
	f, ok := l.(filer)
	if !ok || h.Scheme == "fd" { // those are with the service manager
		return
	}
	o.hosts, o.names, o.own = append(o.hosts, h), append(o.names, socketName(h)), append(o.own, f)
	if u, ok := l.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false) // leave decides
	}
}

// give copies the sockets to the keeper.
func (o *handover) give(ctx context.Context) (*task.Lease, error) {
	var files []*os.File
	defer func() { task.CloseAll(files) }()
	for _, l := range o.own {
		f, err := l.File()
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return o.keeper.Keep(ctx, o.names, files)
}

// socketName tells one socket from another. A path that was removed, or is another socket's now, is not the same.
func socketName(h config.Host) string {
	if h.Scheme != "unix" {
		return h.Scheme + "://" + h.Address
	}
	var st unix.Stat_t
	if err := unix.Stat(h.Address, &st); err != nil {
		return "unix://" + h.Address
	}
	return fmt.Sprintf("unix://%s %d:%d", h.Address, st.Dev, st.Ino)
}

// Pauses between tries to give the sockets to a keeper, which is just being started, or swapped, or was lost.
const (
	shortPause = 20 * time.Millisecond
	longPause  = 2 * time.Second
)

// start gives the sockets to the keeper, and again to each later one, until leave. What was taken from a keeper it
// has again when start returns: a daemon that may not start leaves them as they were.
func (o *handover) start() {
	ctx, cancel := context.WithCancel(context.Background())
	var loop sync.WaitGroup
	o.stop = func() { cancel(); loop.Wait() }
	var first *task.Lease
	if o.stay {
		back, enough := context.WithTimeout(ctx, takeWait)
		defer enough()
		first, _ = o.give(back) // the loop tries again
		o.set(first)
	}
	loop.Go(func() { o.keep(ctx, first) })
}

// keep has a keeper hold the sockets until ctx ends; lease is the one that there is already, nil for none.
func (o *handover) keep(ctx context.Context, lease *task.Lease) {
	for pause := shortPause; ctx.Err() == nil; pause = min(2*pause, longPause) {
		if lease != nil {
			lease.Wait(ctx)
			if ctx.Err() != nil {
				return
			}
			o.set(nil)
			pause = shortPause
		}
		var err error
		if lease, err = o.give(ctx); err == nil {
			o.set(lease)
			continue
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

func (o *handover) set(l *task.Lease) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lease, o.had = l, o.had || l != nil
}

// drain begins the end of the daemon and is how long requests under way have. Where nobody follows, nobody is to wait
// for that.
func (o *handover) drain() time.Duration {
	if o.stay {
		o.settle()
		return handoverWait
	}
	o.leave()
	return drainWait
}

// settle waits until the keeper that held the sockets has them again: one that is being swapped gets them from the
// loop in a moment, and they can only be given while they are open.
func (o *handover) settle() {
	for end := time.Now().Add(takeWait); time.Now().Before(end); time.Sleep(shortPause) {
		o.mu.Lock()
		swapped := o.had && o.lease == nil
		o.mu.Unlock()
		if !swapped {
			return
		}
	}
}

// leave ends the daemon's part, once; what it listens on is closed by then, or is about to be. It tells whether the
// keeper holds the sockets for another daemon. If not, they are gone, and so are their paths.
func (o *handover) leave() (stays bool) {
	o.once.Do(func() {
		o.stop()
		o.mu.Lock()
		defer o.mu.Unlock()
		if o.lease != nil && o.stay {
			o.lease.Close()
			stays = true
			return
		}
		if o.lease != nil {
			o.lease.GiveUp()
		}
		for i, h := range o.hosts {
			if h.Scheme == "unix" && socketName(h) == o.names[i] {
				_ = os.Remove(h.Address) // one that is left is replaced by the next daemon
			}
		}
	})
	return stays
}
