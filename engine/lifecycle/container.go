package lifecycle

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/containerd/errdefs"
	api "github.com/moby/moby/api/types/container"

	"box/engine/task"
)

// Container is one container. Its state follows this diagram, which To checks:
//
//	created ─────> running <────> paused
//	   │            │  ^             │
//	   │            v  │             v
//	   │        restarting ─────> exited ──> running
//	   │                             │
//	   └─────────> removing <────────┘        removing ──> gone, or dead when its files could not be deleted
//
// One that failed to start stays what it was, with its exit code and error.
//
// Lock serialises the long steps: start, the handling of an exit, removal, changes of the configuration. It may be
// held over I/O. All other methods take a lock that is held for moments, and may be called with or without the long
// one.
type Container struct {
	sync.Mutex // of the long steps

	// Signals is held to read from before a signal is sent until its event is out, and by the end of the program,
	// whose event is later.
	Signals sync.RWMutex

	id   string
	save func(id string, st Status)

	oomTold atomic.Bool // that the run has met the limit of its memory was told

	mu       sync.Mutex // guards what follows; held for moments
	rec      Record
	edits    uint64 // how often rec was changed
	st       Status
	changed  chan struct{} // closed and replaced at every change of st
	end      *End          // of the program that runs, or of the next
	gone     bool          // removed
	waiting  []*task.Stream
	execs    []string
	timer    *time.Timer // runs while restarting
	restarts int         // by hand that are under way: --rm waits for them
	checks   context.CancelFunc
	oom      func()
	damaged  string // why the record cannot be used, "" when it can
}

// New makes a container with a record and a status. save is called at each change of the status, one call at a time for
// each container.
func New(rec Record, st Status, save func(id string, st Status)) *Container {
	return &Container{id: rec.ID, rec: rec, st: st, save: save, changed: make(chan struct{}), end: newEnd()}
}

// ID returns the ID, which never changes.
func (c *Container) ID() string { return c.id }

// Record returns a copy of the record.
func (c *Container) Record() Record {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rec
}

// Reconfigure changes the record in memory, after the change is on disk.
func (c *Container) Reconfigure(change func(*Record)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.edits++
	change(&c.rec)
}

// Edits returns how often the record was changed, so that what was made of it is known to be out of date.
func (c *Container) Edits() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.edits
}

// Now returns a copy of the status, and a channel that is closed at the next change.
func (c *Container) Now() (Status, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.st, c.changed
}

// Status returns a copy of the status.
func (c *Container) Status() Status {
	st, _ := c.Now()
	return st
}

// To moves the container to a state, calls change to set related fields, and saves. A transition that is not in the
// diagram is an error and changes nothing.
func (c *Container) To(next api.ContainerState, change func(*Status)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.to(next, change)
}

func (c *Container) to(next api.ContainerState, change func(*Status)) error {
	if !slices.Contains(transitions[c.st.State], next) {
		return fmt.Errorf("container %s is %s and cannot become %s: %w", c.id[:min(len(c.id), 12)], c.st.State, next,
			errdefs.ErrConflict)
	}
	c.st.State = next
	if change != nil {
		change(&c.st)
	}
	c.touched()
	return nil
}

// Change changes fields of the status without a transition, and saves.
func (c *Container) Change(change func(*Status)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(&c.st)
	c.touched()
}

// Note changes fields of the status in memory only, because they change too often or are saved later.
func (c *Container) Note(change func(*Status)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(&c.st)
}

// Restore corrects what was read from disk by what exists, before the container is known to anybody else.
func (c *Container) Restore(change func(*Record, *Status)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(&c.rec, &c.st)
}

// touched saves the status and wakes those who wait for a change. c.mu is held.
func (c *Container) touched() {
	c.st.Seq++
	if !c.gone {
		c.save(c.id, c.st)
	}
	c.wake()
}

func (c *Container) wake() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// Damage marks a container as unusable. It is dead from then on and can only be removed.
func (c *Container) Damage(why string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.damaged = why
	c.st.State, c.st.Error = api.StateDead, why
}

// Damaged returns why the container is unusable, or "".
func (c *Container) Damaged() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.damaged
}

// Gone tells whether the container was removed.
func (c *Container) Gone() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.gone
}

// Go marks the container as removed, so that its status is not saved any more. It returns what has to be closed and
// forgotten. Farewell must be called when the removal was announced.
func (c *Container) Go() (waiting []*task.Stream, execs []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gone = true
	waiting, c.waiting = c.waiting, nil
	return waiting, slices.Clone(c.execs)
}

// Farewell wakes those who wait for the removal.
func (c *Container) Farewell() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wake()
}

// See passes look all that inspect shows, as of one moment.
func (c *Container) See() (rec Record, st Status, execs []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rec, c.st, slices.Clone(c.execs)
}
