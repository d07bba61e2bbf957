package keeper

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"box/engine/logs"
	"box/engine/runtime"
	"box/engine/task"
)

// launchesAtOnce bounds how many starts run side by side. Each blocks threads in the kernel: twenty at once left 33
// of them behind.
const launchesAtOnce = 4

// slotTime is how long a start counts towards launchesAtOnce.
const slotTime = 3 * time.Second

// Options are what a keeper is started with.
type Options struct {
	Listener *net.UnixListener          // where the daemon calls
	State    string                     // folder of the keeper's own
	Build    string                     // tells one executable from another
	Runtimes map[string]runtime.Runtime // by name; must have task.Box
	Log      *slog.Logger
	Busy     func() // called at each request and each end of a program; may be nil
}

// Keeper owns containers. It quits when it is told to and owns nothing.
type Keeper struct {
	o Options

	mu         sync.Mutex // guards the maps and what they lead to, never held over a system call that can wait
	containers map[string]*container
	programs   map[int]*program // by pid, until reaped
	held       map[string]*held
	kept       *kept // the daemon's sockets, nil for none
	exits      exitLog
	names      names // has a lock of its own

	// starts is held for reading by every start of a program, whose children nobody else may reap, and for writing by
	// the sweep for orphans and by a swap.
	starts sync.RWMutex
	slots  chan struct{}
	packer *logs.Packer // of all logs

	arrivals arrivals
	handlers sync.WaitGroup // requests under way
	endings  sync.WaitGroup // ended programs whose exit is not published yet
	swapping atomic.Bool
	copied   atomic.Bool // goOnInMemory was tried
	orders   chan order  // what ends serving: quit or swap
}

// order asks the main loop to stop serving.
type order struct {
	path string        // executable to swap to, "" to quit
	conn *net.UnixConn // where to answer, nil for the keeper's own orders
	idle bool          // quit if nobody needs the keeper
	copy bool          // swap to a copy of this executable in memory
}

// New makes a keeper that owns nothing.
func New(o Options) (*Keeper, error) {
	if o.Runtimes[task.Box] == nil {
		return nil, fmt.Errorf("keeper without the runtime %s: %w", task.Box, errInvalid)
	}
	k := &Keeper{
		o:          o,
		containers: map[string]*container{},
		programs:   map[int]*program{},
		held:       map[string]*held{},
		slots:      make(chan struct{}, launchesAtOnce),
		orders:     make(chan order),
	}
	k.packer = logs.NewPacker(k.busy)
	k.exits.init()
	return k, nil
}

// Run serves until a quit, or until ctx ends, which leaves the containers as they are.
func (k *Keeper) Run(ctx context.Context) error {
	if err := becomeSubreaper(); err != nil {
		return err
	}
	defer k.packer.Stop()
	for {
		stopReaper := k.reap()
		stopServing := k.serve()
		var o order
		select {
		case o = <-k.orders:
		case <-ctx.Done():
		}
		k.swapping.Store(true)
		stopServing()
		if o.conn == nil && !o.idle && !o.copy {
			stopReaper()
			return nil
		}
		err := k.obey(o, stopReaper)
		if errors.Is(err, errQuit) {
			return nil
		}
		if o.conn != nil {
			_ = task.Send(o.conn, task.Fail(err))
			o.conn.Close()
		} else if o.copy {
			k.o.Log.Warn("starts by other runtimes take longer", "error", err)
		}
		k.swapping.Store(false)
	}
}

// errQuit ends Run after a quit was answered.
var errQuit = errors.New("quit")

// obey carries out an order. It returns only with an error: the refusal of a swap or a quit, or errQuit.
func (k *Keeper) obey(o order, stopReaper func()) error {
	switch {
	case o.copy:
		return k.goOnInMemory(o, stopReaper)
	case o.path != "":
		return k.swap(o, stopReaper)
	}
	stopReaper()
	k.mu.Lock()
	n := len(k.containers) + len(k.held)
	k.mu.Unlock()
	if n > 0 {
		return fmt.Errorf("keeper still owns %d containers and ports: %w", n, errConflict)
	}
	if o.conn != nil {
		_ = task.Send(o.conn, task.Reply{Version: task.ProtocolVersion})
		o.conn.Close()
	}
	return errQuit
}

// container is a container that was launched and is not forgotten yet.
type container struct {
	id      string
	launch  record // what a swap must carry over
	runtime string // name of the runtime that made rt
	rt      runtime.Container
	main    *program
	execs   map[string]*program
	paused  bool
	deleted chan struct{} // closed when its cgroup and record are gone after the program's end
}

// record is what a swap carries over of a container's launch.
type record struct {
	Log         task.Log
	OwnPidSpace bool // it has its own PID namespace: the kernel ends the rest with the program
}

// status returns what Find tells of a container. The caller holds k.mu.
func (c *container) status() task.Status {
	s := task.Status{ID: c.id, Pid: c.main.pid, Started: c.main.started, Paused: c.paused, Exit: c.main.exit}
	for id, p := range c.execs {
		s.Execs = append(s.Execs, task.ExecStatus{ID: id, Pid: p.pid, Exit: p.exit})
	}
	return s
}

// runtime finds a runtime by its name. "" comes from before there were several and means task.Box.
func (k *Keeper) runtime(name string) (string, runtime.Runtime, error) {
	name = cmp.Or(name, task.Box)
	r := k.o.Runtimes[name]
	if r == nil {
		return name, nil, fmt.Errorf("unknown or invalid runtime name: %s: %w", name, errInvalid)
	}
	return name, r, nil
}

// find returns the container with that ID and its program, or the program of its exec if one is named.
func (k *Keeper) find(id, exec string) (*container, *program, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	c := k.containers[id]
	if c == nil {
		return nil, nil, fmt.Errorf("container %s is not running: %w", id, errNotFound)
	}
	if exec == "" {
		return c, c.main, nil
	}
	p := c.execs[exec]
	if p == nil {
		return nil, nil, fmt.Errorf("exec %s of container %s: %w", exec, id, errNotFound)
	}
	return c, p, nil
}

// exitLog holds every exit that is not forgotten, in order, and wakes those who wait for the next.
type exitLog struct {
	mu      sync.Mutex
	changed *sync.Cond
	next    uint64
	list    []numbered
}

type numbered struct {
	n    uint64
	exit task.Exit
}

func (l *exitLog) init() { l.changed = sync.NewCond(&l.mu) }

func (l *exitLog) add(e task.Exit) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next++
	l.list = append(l.list, numbered{l.next, e})
	l.changed.Broadcast()
}

// forget drops the exits of an exec, or all of a container's if exec is "".
func (l *exitLog) forget(id, exec string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	kept := l.list[:0]
	for _, e := range l.list {
		if e.exit.Container != id || (exec != "" && e.exit.Exec != exec) {
			kept = append(kept, e)
		}
	}
	clear(l.list[len(kept):])
	l.list = kept
}

// after waits for exits with numbers above n. It returns none once gone() is true, which it checks after each wake.
func (l *exitLog) after(n uint64, gone func() bool) []numbered {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		if gone() {
			return nil
		}
		for i, e := range l.list {
			if e.n > n {
				return append([]numbered(nil), l.list[i:]...)
			}
		}
		l.changed.Wait()
	}
}

func (l *exitLog) wake() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.changed.Broadcast()
}

// drainWait bounds the wait for the output of a program that ended while somebody else holds its streams open.
const drainWait = 2 * time.Second
