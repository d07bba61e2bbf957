package keeper

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"

	"box/engine/logs"
	"box/engine/task"
)

// Resume takes over, in a new executable, the keeper whose state is in the open descriptor fd. It takes Listener and
// State from there and not from o.
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
	k, err := New(o)
	if err != nil {
		return nil, err
	}
	for _, sc := range st.Containers {
		if err := k.restore(sc); err != nil {
			return nil, err
		}
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
	if st.Names != nil {
		if err := k.names.restore(st.Names); err != nil {
			k.o.Log.Error("answer questions for names", "error", err)
		}
	}
	for _, e := range st.Exits {
		k.exits.add(e)
	}
	if st.ReplyFD != 0 {
		reply(adopt(st.ReplyFD))
	}
	return k, nil
}

// reply tells the client that asked for the swap that it is done.
func reply(f *os.File) {
	conn, err := net.FileConn(f)
	f.Close()
	if err != nil {
		return
	}
	_ = task.Send(conn.(*net.UnixConn), task.Reply{Version: task.ProtocolVersion, Pid: os.Getpid()})
	conn.Close()
}

// adopt makes a file of an inherited descriptor, which is not inherited any further.
func adopt(fd int) *os.File {
	unix.CloseOnExec(fd)
	return os.NewFile(uintptr(fd), "inherited")
}

// restore rebuilds a container from its saved form and starts its pumps.
func (k *Keeper) restore(sc savedContainer) error {
	name, by, err := k.runtime(sc.By)
	if err != nil {
		return err
	}
	rt, err := by.Restore(sc.ID, sc.Runtime)
	if err != nil {
		return err
	}
	c := &container{
		id: sc.ID, launch: sc.Launch, paused: sc.Paused, runtime: name, rt: rt,
		execs: map[string]*program{}, deleted: make(chan struct{}),
	}
	c.main = k.restoreProgram(sc.ID, sc.Main, sc.Launch.Log)
	for _, sp := range sc.Execs {
		c.execs[sp.Exec] = k.restoreProgram(sc.ID, sp, task.Log{})
	}
	k.containers[sc.ID] = c
	if c.main.exit != nil {
		close(c.deleted)
	}
	return nil
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
		out := &output{kind: o.Kind, f: adopt(o.FD)}
		out.eof.Store(o.EOF)
		p.out = append(p.out, out)
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

// restoreLog reopens a program's log, with the text of it that was held in memory. The program continues even if that
// fails.
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
