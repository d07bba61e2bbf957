package engine

import (
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/containerd/errdefs"
	api "github.com/moby/moby/api/types/container"
	apinetwork "github.com/moby/moby/api/types/network"

	"box/engine/network"
	"box/engine/request"
	"box/engine/state"
)

// record is what a container was made from: written when it is created and when its configuration changes, durable
// before the reply.
type record struct {
	ID       string
	Name     string // without the slash that the API shows
	Created  time.Time
	Image    string // ID of the image
	Layer    string // chain ID that the root stands on
	Path     string // the program
	Args     []string
	Config   *api.Config
	Host     *api.HostConfig
	Networks map[string]*apinetwork.EndpointSettings // as asked for, by the name of the network
	Mounts   []request.Mount
	Driver   string
	Cgroup   string   // path of its control group in each hierarchy
	Shallow  bool     `json:",omitempty"` // read-only binds leave what is mounted below them writable
	Links    []string `json:",omitempty"` // IDs of the containers in Host.Links, in that order: those may be renamed
}

// status is how a container is: what changes while it lives. It goes to the exec root at once and into the state file
// within a second.
type status struct {
	Seq       uint64 // counts changes: of two copies the one with the higher number holds
	State     api.ContainerState
	Pid       int
	ExitCode  int
	Error     string
	OOMKilled bool
	Started   time.Time
	Finished  time.Time
	Restarts  int                // by the restart policy, since the last start by hand
	ByHand    bool               // stopped by hand: unless-stopped leaves it alone, even when the daemon starts
	NoRestart bool               // asked to end: the restart policy leaves it alone until the next start
	Backoff   time.Duration      // before the last restart by the policy
	Endpoints []network.Endpoint // what the network plane holds for it
	Sandbox   string             // path of its network namespace
	Health    *api.Health        // nil without a health check; what it points to is never written in place
}

var (
	recordTable = state.Table[record]{Name: "containers"}
	statusTable = state.Table[status]{Name: "statuses"}
)

// container is one container. Its state follows this diagram, which to checks:
//
//	created ─────> running <────> paused
//	   │            │  ^             │
//	   │            v  │             v
//	   │        restarting ─────> exited ──> running
//	   │                             │
//	   └─────────> removing <────────┘        removing ──> gone, or dead when its files could not be deleted
//
// One that failed to start stays what it was, with its exit code and error.
type container struct {
	// op serialises the long steps: start, the handling of an exit, removal, changes of the configuration. It is taken before mu
	// and held over I/O.
	op sync.Mutex

	oom     func()      // ends the watch of its memory, nil where there is none; op guards it
	oomTold atomic.Bool // that it has run out was told

	// signalling is held to read from before a signal is sent until its event is out, and by the end of the program, whose event is later.
	signalling sync.RWMutex

	mu       sync.Mutex // guards what follows; held for moments
	rec      record
	st       status
	changed  chan struct{} // closed and replaced at every change of st
	end      *ending       // of the program that runs, or of the next
	gone     bool          // removed
	waiting  []*stream     // attached before the program started
	execs    []string
	restart  *time.Timer // runs while restarting
	restarts int         // by hand that are under way: --rm waits for them
	checks   func()      // ends the health checks, nil when none are made
	damaged  string      // why the record cannot be used, "" when it can
}

// transitions are the arrows of the diagram.
var transitions = map[api.ContainerState][]api.ContainerState{
	api.StateCreated:    {api.StateRunning, api.StateRemoving},
	api.StateRunning:    {api.StatePaused, api.StateRestarting, api.StateExited},
	api.StatePaused:     {api.StateRunning, api.StateRestarting, api.StateExited},
	api.StateRestarting: {api.StateRunning, api.StateExited, api.StateRemoving},
	api.StateExited:     {api.StateRunning, api.StateRemoving, api.StateRestarting},
	api.StateRemoving:   {api.StateDead},
	api.StateDead:       {api.StateRemoving},
}

// to moves the container to a state, lets change set what goes with it, and saves. An arrow that is not in the diagram is an
// error and changes nothing.
func (e *Engine) to(c *container, next api.ContainerState, change func(*status)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !slices.Contains(transitions[c.st.State], next) {
		return fmt.Errorf("container %s is %s and cannot become %s: %w", short(c.rec.ID), c.st.State, next, errdefs.ErrConflict)
	}
	c.st.State = next
	if change != nil {
		change(&c.st)
	}
	e.touched(c)
	return nil
}

// change sets fields of the status without moving it.
func (e *Engine) change(c *container, fn func(*status)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	fn(&c.st)
	e.touched(c)
}

// touched saves c.st and wakes who waits for a change; c.mu is held.
func (e *Engine) touched(c *container) {
	c.st.Seq++
	if !c.gone {
		e.saveStatus(c.rec.ID, c.st)
	}
	close(c.changed)
	c.changed = make(chan struct{})
}

// now is a copy of the status, and the channel that tells of the next change.
func (c *container) now() (status, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.st, c.changed
}

// snapshot is a copy of the record; what it points to is never written in place.
func (c *container) snapshot() record {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rec
}

// running tells whether the program runs, paused or not.
func (s *status) running() bool {
	return s.State == api.StateRunning || s.State == api.StatePaused
}

func newContainer(rec record, st status) *container {
	return &container{rec: rec, st: st, changed: make(chan struct{}), end: newEnding()}
}

// ending is the end of one run of a program, which the next run does not change.
type ending struct {
	done chan struct{} // closed when it is there
	code int
}

func newEnding() *ending { return &ending{done: make(chan struct{})} }

// over tells whether the end is there.
func (x *ending) over() bool {
	select {
	case <-x.done:
		return true
	default:
		return false
	}
}

// ending is the end of the program that runs, or of the next.
func (c *container) ending() *ending {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.end
}

// dir is the container's folder in the data root.
func (e *Engine) dir(id string) string { return filepath.Join(e.o.Root, "containers", id) }

// attributes are what an event of the container carries.
func (rec *record) attributes(more ...string) map[string]string {
	a := map[string]string{}
	if rec.Config != nil {
		for k, v := range rec.Config.Labels {
			a[k] = v
		}
		a["image"] = rec.Config.Image
	}
	a["name"] = rec.Name
	for i := 0; i+1 < len(more); i += 2 {
		a[more[i]] = more[i+1]
	}
	return a
}
