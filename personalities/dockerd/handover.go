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

// handover passes the sockets of the API from one daemon to the next by way of the keeper, so that no connection is
// refused in between. See the package's comment.
type handover struct {
	keeper *task.Client
	log    *slog.Logger

	found map[string]*os.File // sockets of the last daemon, by name
	hosts []config.Host       // of this daemon
	names []string
	own   []filer

	stay  bool // keep the sockets for another daemon: the last one left them to this one, or --live-restore is set
	once  sync.Once
	mu    sync.Mutex
	lease *task.Lease // nil while the keeper does not hold our sockets
	had   bool        // whether there has been a lease
	stop  func()      // ends the goroutine that runs keep
}

// filer is a listener whose socket can be duplicated.
type filer interface{ File() (*os.File, error) }

// backlog is how many connections may wait to be accepted. The kernel has its own limit (listen(2)).
const backlog = 4096

// takeWait is how long to wait for the keeper before new sockets are made.
const takeWait = 5 * time.Second

// takeOver gets the sockets of the last daemon, if there is a keeper that holds them.
func takeOver(ctx context.Context, k *task.Client, log *slog.Logger) *handover {
	h := &handover{keeper: k, log: log, found: map[string]*os.File{}, stop: func() {}}
	ctx, cancel := context.WithTimeout(ctx, takeWait)
	defer cancel()
	names, files, err := k.Take(ctx)
	if err != nil && !errdefs.IsUnavailable(err) && !errdefs.IsNotFound(err) {
		log.Warn("cannot take the sockets of the last daemon from the keeper", "error", err)
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

// listener returns the socket of the last daemon for h, or nil.
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

// listenAnew makes this process the peer that clients see on the socket (unix(7), SO_PEERCRED). They use it to tell a
// daemon that runs from one that has ended.
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

// forget closes the sockets that this daemon does not use.
func (o *handover) forget() {
	for _, f := range o.found {
		f.Close()
	}
	clear(o.found)
}

// add registers a socket of this daemon for the next one.
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

// give passes copies of the sockets to the keeper.
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

// socketName identifies a socket. A path that was removed or replaced by another socket gets another name.
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

// Pauses between attempts to give the sockets to a keeper that is starting, being swapped or lost.
const (
	shortPause = 20 * time.Millisecond
	longPause  = 2 * time.Second
)

// start gives the sockets to the keeper, and to each keeper after it, until leave. Sockets that were taken from a
// keeper are with it again when start returns, so that a daemon that fails to start loses none.
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

// keep gives the sockets to the keeper again whenever their lease ends, until ctx is done. lease is the current one or
// nil.
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

// drain starts the shutdown, and returns how much time there is for requests to finish: less if no other daemon
// follows.
func (o *handover) drain() time.Duration {
	if o.stay {
		o.settle()
		return handoverWait
	}
	o.leave()
	return drainWait
}

// settle waits for a keeper that is being swapped to hold the sockets again. The sockets can be given to it only while
// they are open.
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

// leave ends the handover, once. It reports whether the keeper holds the sockets for another daemon; otherwise their
// paths are removed.
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
