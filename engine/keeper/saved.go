package keeper

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"

	"box/engine/logs"
	"box/engine/logs/driver"
	"box/engine/runtime"
	"box/engine/task"
)

// These are the versions of the state that one executable leaves to the next. An executable that knows only the first
// would take every container for one of task.Box.
const (
	stateVersion  = 2
	stateRuntimes = 3 // some container has another runtime
)

// state is the whole keeper as one executable leaves it to the next. Numbers under "FD" are descriptors that stay
// open. Fields are only ever added.
type state struct {
	Version    int
	Dir        string // Options.State
	ListenerFD int
	ReplyFD    int // connection that asked for the swap, 0 for none
	Containers []savedContainer
	Held       []savedHeld
	Exits      []task.Exit
	Names      *savedNames `json:",omitempty"`
}

type savedContainer struct {
	ID      string
	Launch  record
	By      string          `json:",omitempty"` // name of the runtime, "" for task.Box
	Runtime json.RawMessage // its record
	Paused  bool
	Main    savedProgram
	Execs   []savedProgram
}

type savedProgram struct {
	Exec     string
	Pid      int
	Started  time.Time
	Terminal bool
	Exit     *task.Exit
	InFD     int // 0 for none
	Out      []savedOutput
	Attached []savedAttachment
	Partial  map[driver.Stream][]byte // from earlier executables, in place of Log
	Log      *logs.State
	LogFD    int // connection to the log's server, 0 for none
}

type savedOutput struct {
	Kind driver.Stream
	FD   int
	EOF  bool
}

type savedAttachment struct {
	Options       task.Attach
	FD            int
	EOF           bool
	Unsent, Unfed []byte
}

type savedHeld struct {
	Key     string
	FDs     []int
	Forward []string
	Relays  []savedRelay
}

// CheckState reads a state as Resume would. It returns an error unless this executable understands the state and has
// every runtime in it.
func CheckState(r io.Reader, runtimes map[string]runtime.Runtime) error {
	st, err := readState(r)
	if err != nil {
		return err
	}
	for _, c := range st.Containers {
		if runtimes[cmp.Or(c.By, task.Box)] == nil {
			return fmt.Errorf("container %s is of runtime %s, which this executable has not: %w", c.ID, c.By, errInvalid)
		}
	}
	return nil
}

func readState(r io.Reader) (*state, error) {
	var st state
	if err := json.NewDecoder(r).Decode(&st); err != nil {
		return nil, fmt.Errorf("read state of the keeper: %w", err)
	}
	if st.Version != stateVersion && st.Version != stateRuntimes {
		return nil, fmt.Errorf("state of the keeper has version %d, this executable knows %d and %d: %w", st.Version,
			stateVersion, stateRuntimes, errInvalid)
	}
	return &st, nil
}

// saver collects the descriptors that the next executable inherits.
type saver struct {
	fds []int
	err error
}

// fd notes f's descriptor and returns its number. The descriptor stays in its mode.
func (s *saver) fd(f syscall.Conn) int {
	n, err := number(f)
	if err != nil {
		s.err = errors.Join(s.err, err)
		return 0
	}
	s.fds = append(s.fds, n)
	return n
}

// number returns the number of a file's descriptor. File.Fd would make the descriptor blocking.
func number(f syscall.Conn) (n int, err error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return 0, err
	}
	return n, raw.Control(func(fd uintptr) { n = int(fd) })
}

// save returns the keeper's state and the descriptors that the next executable inherits.
func (k *Keeper) save(o order) (*state, []int, error) {
	var s saver
	st := &state{Version: stateVersion, Dir: k.o.State, ListenerFD: s.fd(k.o.Listener)}
	if o.conn != nil {
		st.ReplyFD = s.fd(o.conn)
	}
	st.Names = k.names.save(&s)
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, c := range k.containers {
		sc := savedContainer{ID: c.id, Launch: c.launch, Paused: c.paused, Main: s.program(c.main)}
		if c.runtime != task.Box {
			sc.By, st.Version = c.runtime, stateRuntimes
		}
		var err error
		if sc.Runtime, err = c.rt.Record(); err != nil {
			return nil, nil, fmt.Errorf("record of container %s: %w", c.id, err)
		}
		for _, p := range c.execs {
			sc.Execs = append(sc.Execs, s.program(p))
		}
		st.Containers = append(st.Containers, sc)
	}
	for key, h := range k.held {
		sh := savedHeld{Key: key}
		sh.FDs = h.descriptors
		s.fds = append(s.fds, h.descriptors...)
		for _, a := range h.forward {
			sh.Forward = append(sh.Forward, a.String())
		}
		sh.Relays = s.relays(h)
		st.Held = append(st.Held, sh)
	}
	k.exits.mu.Lock()
	defer k.exits.mu.Unlock()
	for _, e := range k.exits.list {
		st.Exits = append(st.Exits, e.exit)
	}
	return st, s.fds, s.err
}

func (s *saver) program(p *program) savedProgram {
	sp := savedProgram{Exec: p.exec, Pid: p.pid, Started: p.started, Terminal: p.terminal, Exit: p.exit}
	if p.exit != nil {
		return sp
	}
	if p.in.f != nil && !p.terminal {
		if fd, ok := s.open(p.in.f); ok {
			sp.InFD = fd
		}
	}
	// A program that is about to end closes its files before its exit is known. A state that is only checked leaves
	// them out; when a state is handed over, nothing is ending any more.
	for _, o := range p.out {
		if fd, ok := s.open(o.f); ok {
			sp.Out = append(sp.Out, savedOutput{Kind: o.kind, FD: fd, EOF: o.eof.Load()})
		}
	}
	if p.log != nil {
		state, conn := p.log.State()
		sp.Log = &state
		if conn != nil {
			sp.LogFD, _ = s.open(conn)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, a := range p.attached {
		a.mu.Lock()
		if fd, ok := s.open(a.f); ok {
			sp.Attached = append(sp.Attached, savedAttachment{
				Options: a.opts, FD: fd, EOF: a.eof, Unsent: a.unsent, Unfed: a.unfed,
			})
		}
		a.mu.Unlock()
	}
	return sp
}

// open is fd for a file that may be closed, for which it returns false.
func (s *saver) open(f syscall.Conn) (int, bool) {
	n, err := number(f)
	if err != nil {
		return 0, false
	}
	s.fds = append(s.fds, n)
	return n, true
}
