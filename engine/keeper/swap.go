package keeper

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"box/engine/logs"
	"box/engine/runtime"
	"box/engine/task"
)

// stateVersion is the layout of what one executable leaves to the next.
const stateVersion = 1

// checkWait bounds how long a new executable may take to say that it can read the state.
const checkWait = 20 * time.Second

// state is the whole keeper as one executable leaves it to the next; numbers under "FD" are descriptors that stay open.
// Fields are only ever added.
type state struct {
	Version    int
	Dir        string // Options.State
	ListenerFD int
	ReplyFD    int // who asked for the swap, 0 for nobody
	Containers []savedContainer
	Held       []savedHeld
	Exits      []task.Exit
}

type savedContainer struct {
	ID     string
	Launch record
	Paused bool
	Main   savedProgram
	Execs  []savedProgram
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
	Partial  map[logs.Stream][]byte // by earlier executables, in place of Log
	Log      *logs.State
	LogFD    int // connection to the server that the log goes to, 0 for none
}

type savedOutput struct {
	Kind logs.Stream
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

// swap goes on in the executable at o.path. It comes back only with the reason why not, and everything goes on as before.
//
// No byte of output and no exit is lost: pumps stop between two bytes, what they hold travels in the state, pipes and
// sockets are inherited, children stay children, and the next executable polls every pid, since a SIGCHLD in between
// is gone.
func (k *Keeper) swap(o order, stopReaper func()) error {
	if err := k.checkExecutable(o.path); err != nil {
		stopReaper()
		return err
	}
	k.starts.Lock()
	defer k.starts.Unlock()
	stopReaper()
	k.endings.Wait()
	k.packer.Stop()
	stopped := k.livePrograms()
	for _, p := range stopped {
		p.stop()
	}
	forwarders := k.forwarders()
	for _, f := range forwarders {
		f.pause()
	}
	err := k.execInPlace(o)
	for _, f := range forwarders {
		f.resume()
	}
	for _, p := range stopped {
		p.start()
	}
	k.packer.Start()
	return err
}

// livePrograms are those whose streams are still open.
func (k *Keeper) livePrograms() []*program {
	k.mu.Lock()
	defer k.mu.Unlock()
	var list []*program
	for _, c := range k.containers {
		for _, p := range append([]*program{c.main}, programsOf(c.execs)...) {
			if p.exit == nil {
				list = append(list, p)
			}
		}
	}
	return list
}

func (k *Keeper) forwarders() (list []forwarder) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, h := range k.held {
		for _, f := range h.forwarders {
			list = append(list, f)
		}
	}
	return list
}

func programsOf(m map[string]*program) []*program {
	list := make([]*program, 0, len(m))
	for _, p := range m {
		list = append(list, p)
	}
	return list
}

// checkExecutable runs the file at path with --check-state: it has to read the state as it is now and agree.
func (k *Keeper) checkExecutable(path string) error {
	st, _, err := k.save(order{})
	if err != nil {
		return err
	}
	raw, err := json.Marshal(st)
	if err != nil {
		return err
	}
	k.starts.RLock() // this child is waited for here and by nobody else
	defer k.starts.RUnlock()
	cmd := exec.Command(path, "keeper", "--check-state")
	timer := time.AfterFunc(checkWait, func() {
		if cmd.Process != nil {
			_ = cmd.Process.Kill()
		}
	})
	defer timer.Stop()
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("%s cannot take over: %w: %w", path, err, errInvalid)
	}
	_, _ = in.Write(raw)
	in.Close()
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("%s cannot take over: %w: %w", path, err, errInvalid)
	}
	return nil
}

// CheckState reads a state as Resume would and says whether this executable understands it.
func CheckState(r io.Reader) error {
	_, err := readState(r)
	return err
}

func readState(r io.Reader) (*state, error) {
	var st state
	if err := json.NewDecoder(r).Decode(&st); err != nil {
		return nil, fmt.Errorf("read state of the keeper: %w", err)
	}
	if st.Version != stateVersion {
		return nil, fmt.Errorf("state of the keeper has version %d, this executable knows %d: %w", st.Version, stateVersion, errInvalid)
	}
	return &st, nil
}

// execInPlace replaces this process's image. Nothing may run beside it.
func (k *Keeper) execInPlace(o order) error {
	st, fds, err := k.save(o)
	if err != nil {
		return err
	}
	raw, err := json.Marshal(st)
	if err != nil {
		return err
	}
	memory, err := unix.MemfdCreate("keeper", unix.MFD_CLOEXEC)
	if err != nil {
		return fmt.Errorf("memory file for the state: %w", err)
	}
	f := os.NewFile(uintptr(memory), "state")
	defer f.Close()
	if _, err := f.WriteAt(raw, 0); err != nil {
		return fmt.Errorf("write state: %w", err)
	}
	fds = append(fds, memory)
	inherit(fds, true)
	defer inherit(fds, false)
	args := []string{"box", "keeper", "--resume", strconv.Itoa(memory), "--state", k.o.State}
	err = syscall.Exec(o.path, args, os.Environ())
	return fmt.Errorf("execute %s: %w", o.path, err)
}

// inherit sets whether descriptors stay open in the next image.
func inherit(fds []int, on bool) {
	for _, fd := range fds {
		flags := unix.FD_CLOEXEC
		if on {
			flags = 0
		}
		_, _ = unix.FcntlInt(uintptr(fd), unix.F_SETFD, flags)
	}
}

// saver collects descriptors.
type saver struct {
	fds []int
	err error
}

// fd is the number of a descriptor, which stays in the mode it is in.
func (s *saver) fd(f syscall.Conn) int {
	n, err := number(f)
	if err != nil {
		s.err = errors.Join(s.err, err)
		return 0
	}
	s.fds = append(s.fds, n)
	return n
}

// number is the number of a file's descriptor. Fd would make the descriptor block.
func number(f syscall.Conn) (n int, err error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return 0, err
	}
	return n, raw.Control(func(fd uintptr) { n = int(fd) })
}

// save describes the keeper.
func (k *Keeper) save(o order) (*state, []int, error) {
	var s saver
	st := &state{Version: stateVersion, Dir: k.o.State, ListenerFD: s.fd(k.o.Listener)}
	if o.conn != nil {
		st.ReplyFD = s.fd(o.conn)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, c := range k.containers {
		sc := savedContainer{ID: c.id, Launch: c.launch, Paused: c.paused, Main: s.program(c.main)}
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
	// A program that is just ending closes its files before its exit is known: those are left out of a state that is only
	// looked at. Nothing ends any more when the state is handed over.
	for _, o := range p.out {
		if fd, ok := s.open(o.f); ok {
			sp.Out = append(sp.Out, savedOutput{Kind: o.kind, FD: fd, EOF: o.eof})
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

// open is fd for a file that may be closed.
func (s *saver) open(f syscall.Conn) (int, bool) {
	n, err := number(f)
	if err != nil {
		return 0, false
	}
	s.fds = append(s.fds, n)
	return n, true
}

// Resume takes over, in a new executable, the keeper whose state is in the open descriptor fd. The options' Listener and
// State come from there.
func Resume(fd int, o Options) (*Keeper, error) {
	f := os.NewFile(uintptr(fd), "state")
	defer f.Close()
	st, err := readState(f)
	if err != nil {
		return nil, err
	}
	listener, err := net.FileListener(adopt(st.ListenerFD))
	if err != nil {
		return nil, fmt.Errorf("take over the socket: %w", err)
	}
	o.Listener, o.State = listener.(*net.UnixListener), st.Dir
	k := New(o)
	for _, sc := range st.Containers {
		k.restore(sc)
	}
	for _, sh := range st.Held {
		h := &held{descriptors: sh.FDs}
		inherit(h.descriptors, false)
		for _, a := range sh.Forward {
			to, _ := netip.ParseAddrPort(a)
			h.forward = append(h.forward, to)
		}
		if err := h.start(sh.Relays); err != nil {
			k.o.Log.Error("forward ports", "key", sh.Key, "error", err)
		}
		k.held[sh.Key] = h
	}
	for _, e := range st.Exits {
		k.exits.add(e)
	}
	if st.ReplyFD != 0 {
		reply(adopt(st.ReplyFD))
	}
	return k, nil
}

// reply tells whoever asked for the swap that it is done.
func reply(f *os.File) {
	conn, err := net.FileConn(f)
	f.Close()
	if err != nil {
		return
	}
	_ = task.Send(conn.(*net.UnixConn), task.Reply{Version: task.ProtocolVersion, Pid: os.Getpid()})
	conn.Close()
}

// adopt makes a file of a descriptor that was inherited.
func adopt(fd int) *os.File {
	unix.CloseOnExec(fd)
	return os.NewFile(uintptr(fd), "inherited")
}

// restore makes a container of its saved form and lets its pumps go on.
func (k *Keeper) restore(sc savedContainer) {
	c := &container{
		id: sc.ID, launch: sc.Launch, paused: sc.Paused,
		execs: map[string]*program{}, deleted: make(chan struct{}),
		rt: &lateContainer{load: func() (runtimeContainer, error) { return runtime.Load(k.o.State, sc.ID) }},
	}
	c.main = k.restoreProgram(sc.ID, sc.Main, sc.Launch.Log)
	for _, sp := range sc.Execs {
		c.execs[sp.Exec] = k.restoreProgram(sc.ID, sp, task.Log{})
	}
	k.containers[sc.ID] = c
	if c.main.exit != nil {
		close(c.deleted)
	}
}

func (k *Keeper) restoreProgram(id string, sp savedProgram, log task.Log) *program {
	p := &program{
		container: id, exec: sp.Exec, pid: sp.Pid, started: sp.Started, terminal: sp.Terminal,
		exit: sp.Exit, in: &input{}, ended: make(chan struct{}),
	}
	if p.exit != nil {
		p.reaped, p.finished = true, true
		close(p.ended)
		return p
	}
	for _, o := range sp.Out {
		p.out = append(p.out, &output{kind: o.Kind, f: adopt(o.FD), eof: o.EOF})
	}
	switch {
	case p.terminal && len(p.out) > 0:
		p.in.f = p.out[0].f
	case sp.InFD != 0:
		p.in.f = adopt(sp.InFD)
	}
	p.log = k.restoreLog(id, log, &sp)
	for _, a := range sp.Attached {
		p.attached = append(p.attached, &attachment{
			opts: a.Options, f: adopt(a.FD), eof: a.EOF, unsent: a.Unsent, unfed: a.Unfed,
		})
	}
	k.programs[p.pid] = p
	p.start()
	return p
}

// restoreLog opens a program's log again, with what was held of it in memory. Without it the program goes on all the same.
func (k *Keeper) restoreLog(id string, log task.Log, sp *savedProgram) *logs.Logger {
	var conn *os.File
	if sp.LogFD != 0 {
		conn = adopt(sp.LogFD)
	}
	l, err := k.openLog(context.Background(), id, log, true)
	if err == nil && l != nil {
		state := sp.Log
		if state == nil {
			state = &logs.State{}
			for s, text := range sp.Partial {
				state.Ends[s-1].Text = text
			}
		}
		err = l.Restore(*state, conn)
	}
	if err != nil {
		k.o.Log.Error("reopen log", "container", id, "error", err)
	}
	return l
}
