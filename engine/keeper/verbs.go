package keeper

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"box/engine/task"
)

// verbs has every request that gets one answer on its connection, except launches.
var verbs = map[string]func(*Keeper, *task.Request, []*os.File) (task.Reply, error){
	task.VerbHello: func(k *Keeper, _ *task.Request, _ []*os.File) (task.Reply, error) {
		return task.Reply{Build: k.o.Build, Pid: os.Getpid()}, nil
	},
	task.VerbFind: func(k *Keeper, _ *task.Request, _ []*os.File) (task.Reply, error) { return k.list(), nil },
	task.VerbExec: func(k *Keeper, q *task.Request, files []*os.File) (task.Reply, error) {
		pid, err := k.exec(q.ID, q.Run, files)
		return task.Reply{Pid: pid}, err
	},
	task.VerbAttach: (*Keeper).attach,
	task.VerbResize: (*Keeper).resize,
	task.VerbSignal: (*Keeper).signal,
	task.VerbPause: func(k *Keeper, q *task.Request, _ []*os.File) (task.Reply, error) {
		return task.Reply{}, k.freeze(q.ID, true)
	},
	task.VerbResume: func(k *Keeper, q *task.Request, _ []*os.File) (task.Reply, error) {
		return task.Reply{}, k.freeze(q.ID, false)
	},
	task.VerbUpdate:   (*Keeper).update,
	task.VerbDescribe: (*Keeper).describe,
	task.VerbForget: func(k *Keeper, q *task.Request, _ []*os.File) (task.Reply, error) {
		return task.Reply{}, k.forget(q.ID, q.Exec)
	},
	task.VerbNames: (*Keeper).name,
	task.VerbHold:  (*Keeper).hold,
	task.VerbDrop: func(k *Keeper, q *task.Request, _ []*os.File) (task.Reply, error) {
		k.drop(q.ID)
		return task.Reply{}, nil
	},
}

func (k *Keeper) list() task.Reply {
	k.mu.Lock()
	defer k.mu.Unlock()
	var r task.Reply
	for _, c := range k.containers {
		r.Status = append(r.Status, c.status())
	}
	return r
}

func (k *Keeper) attach(q *task.Request, files []*os.File) (task.Reply, error) {
	if q.Attach == nil || len(files) != 1 {
		task.CloseAll(files)
		return task.Reply{}, fmt.Errorf("attach with %d descriptors: %w", len(files), errInvalid)
	}
	_, p, err := k.find(q.ID, q.Exec)
	if err != nil {
		task.CloseAll(files)
		return task.Reply{}, err
	}
	p.attach(*q.Attach, files[0])
	return task.Reply{}, nil
}

func (k *Keeper) resize(q *task.Request, _ []*os.File) (task.Reply, error) {
	_, p, err := k.find(q.ID, q.Exec)
	if err != nil {
		return task.Reply{}, err
	}
	if !p.terminal {
		return task.Reply{}, nil
	}
	raw, err := p.in.f.SyscallConn()
	if err != nil {
		return task.Reply{}, err
	}
	var set error
	err = raw.Control(func(fd uintptr) {
		set = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: q.Height, Col: q.Width})
	})
	return task.Reply{}, errors.Join(err, set)
}

func (k *Keeper) signal(q *task.Request, _ []*os.File) (task.Reply, error) {
	c, p, err := k.find(q.ID, q.Exec)
	if err != nil {
		return task.Reply{}, err
	}
	if q.Exec == "" && q.All {
		err = c.rt.Signal(unix.Signal(q.Signal))
	}
	// Under the lock the pid is still the program's, as reaping takes the same lock.
	k.mu.Lock()
	switch {
	case q.Exec == "" && q.All:
	case p.reaped:
		k.mu.Unlock()
		return task.Reply{}, fmt.Errorf("process %d of container %s ended: %w", p.pid, q.ID, errNotFound)
	default:
		err = unix.Kill(p.pid, unix.Signal(q.Signal))
	}
	paused := c.paused
	k.mu.Unlock()
	if q.Signal == int(unix.SIGKILL) && paused && q.Exec == "" {
		// On cgroup v1 a frozen process does not die before it is thawed.
		_ = k.freeze(q.ID, false)
	}
	return task.Reply{}, err
}

func (k *Keeper) freeze(id string, on bool) error {
	c, _, err := k.find(id, "")
	if err != nil {
		return err
	}
	if on {
		err = c.rt.Pause()
	} else {
		err = c.rt.Resume()
	}
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	c.paused = on
	return nil
}

func (k *Keeper) update(q *task.Request, _ []*os.File) (task.Reply, error) {
	c, _, err := k.find(q.ID, "")
	if err != nil {
		return task.Reply{}, err
	}
	if q.Resources == nil {
		return task.Reply{}, fmt.Errorf("update of container %s without limits: %w", q.ID, errInvalid)
	}
	return task.Reply{}, c.rt.Update(q.Resources)
}

func (k *Keeper) describe(q *task.Request, _ []*os.File) (task.Reply, error) {
	c, _, err := k.find(q.ID, "")
	if err != nil {
		return task.Reply{}, err
	}
	var d task.Description
	if d.Pids, err = c.rt.Pids(); err != nil {
		return task.Reply{}, err
	}
	if d.Cgroups, err = c.rt.CgroupPaths(); err != nil {
		return task.Reply{}, err
	}
	return task.Reply{Description: &d}, nil
}

// forget drops an ended exec or container. For a container it first waits until the cgroup is gone.
func (k *Keeper) forget(id, exec string) error {
	c, p, err := k.find(id, exec)
	if err != nil {
		return nil // forgotten already
	}
	k.mu.Lock()
	over := p.exit != nil
	k.mu.Unlock()
	if !over {
		return fmt.Errorf("program %d of container %s is running: %w", p.pid, id, errConflict)
	}
	if exec == "" {
		<-c.deleted
	}
	k.mu.Lock()
	if exec == "" {
		delete(k.containers, id)
	} else {
		delete(c.execs, exec)
	}
	k.mu.Unlock()
	k.exits.forget(id, exec)
	return nil
}
