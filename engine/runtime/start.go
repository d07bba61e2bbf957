package runtime

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// starting is a process that is being prepared, with the descriptors that it inherits.
type starting struct {
	*steps
	c       *container
	process *specs.Process
	spaces  spaces
	joins   []int // descriptors of the namespaces to join
	streams [3]int
	procs   []int // files that move a process into the control group when it writes to them
	group   int   // folder of the control group to make the first process in, -1 for none
	console *console
	socket  int // the console's far end

	proc    register // the host's /proc
	rlimits []specs.POSIXRlimit
	files   []*os.File
}

// prepare opens what a process inherits. The caller must close the result, even after an error.
func (c *container) prepare(p *specs.Process, s Streams, sp spaces) (st *starting, err error) {
	st = &starting{c: c, process: p, spaces: sp, group: -1}
	if st.joins, err = sp.numbers(); err != nil {
		return st, err
	}
	if err := st.openStreams(s); err != nil {
		return st, err
	}
	procs, err := c.group.Procs()
	st.files = append(st.files, procs...)
	if err != nil {
		return st, err
	}
	if st.procs, err = numbers(procs); err != nil {
		return st, err
	}
	inherited := append(append(st.procs[:len(st.procs):len(st.procs)], st.joins...), st.streams[:]...)
	if p.Terminal {
		if st.console, err = openConsole(); err != nil {
			return st, err
		}
		if st.socket, err = number(st.console.far); err != nil {
			return st, err
		}
		inherited = append(inherited, st.socket)
	}
	if folder, err := c.group.Folder(); err != nil {
		return st, err
	} else if folder != nil {
		st.files = append(st.files, folder)
		if st.group, err = number(folder); err != nil {
			return st, err
		}
		inherited = append(inherited, st.group)
	}
	if st.steps, err = newSteps(inherited...); err == nil {
		// First of all: until then its standard streams are the keeper's.
		st.standard(value(st.streams[0]), value(st.streams[1]), value(st.streams[2]))
	}
	return st, err
}

// openStreams gives the streams to the program's user, who could not reopen them (/dev/stdout) otherwise. A stream
// that is nil becomes /dev/null.
func (st *starting) openStreams(s Streams) error {
	uid := hostID(st.c.record.UIDs, st.process.User.UID)
	for i, f := range []*os.File{s.Stdin, s.Stdout, s.Stderr} {
		if f == nil {
			null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
			if err != nil {
				return err
			}
			st.files = append(st.files, null)
			f = null
		} else if uid != 0 {
			if err := f.Chown(uid, -1); err != nil {
				return fmt.Errorf("owner of a stream: %w", err)
			}
		}
		st.streams[i] = int(f.Fd()) // Fd makes it block, as programs expect
	}
	return nil
}

// hostID returns the host's number of an id in a container's user namespace.
func hostID(ids []specs.LinuxIDMapping, id uint32) int {
	for _, m := range ids {
		if id >= m.ContainerID && id-m.ContainerID < m.Size {
			return int(m.HostID + (id - m.ContainerID))
		}
	}
	return int(id)
}

func numbers(files []*os.File) (list []int, err error) {
	for _, f := range files {
		n, err := number(f)
		if err != nil {
			return nil, err
		}
		list = append(list, n)
	}
	return list, nil
}

func (st *starting) close() {
	st.spaces.close()
	for _, f := range st.files {
		f.Close()
	}
	if st.console != nil {
		st.console.close()
	}
	if st.steps != nil {
		st.near.Close()
		st.far.Close()
	}
}

// begin appends what the process does as root of the host.
func (st *starting) begin() error {
	st.proc = st.open("open /proc", unix.SYS_OPENAT, current, cstring("/proc"),
		value(unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC))
	if score := st.c.record.OOMScoreAdj; score != nil {
		st.write("set OOM score", st.proc, "self/oom_score_adj", strconv.Itoa(*score))
	}
	return st.limits(st.process.Rlimits)
}

// enterGroup moves the process into the container's control group, unless it was made there.
func (st *starting) enterGroup() {
	done := &label{}
	there := &label{}
	st.do("control group", opTest, inGroup).tolerate(unix.EAGAIN).orElse(there).then(done)
	st.mark(there)
	zero := st.text("0")
	for _, file := range st.procs {
		st.do("enter control group", unix.SYS_WRITE, value(file), zero, value(1))
	}
	st.mark(done)
	for _, file := range st.procs {
		st.release(value(file))
	}
	if st.group >= 0 {
		st.release(value(st.group))
	}
}

// enter joins the namespaces and unshares those in flags.
func (st *starting) enter(flags uintptr) {
	st.join()
	if flags != 0 {
		st.do("new namespaces", unix.SYS_UNSHARE, value(flags))
	}
}

// fork continues in a second process, which is the first one's sibling and in the same control group.
func (st *starting) fork() {
	st.do("new process", opFork, value(unix.CLONE_PARENT), value(-1))
}

// forkInto is fork for a first process outside the control group, as a limit may allow only one process in it.
func (st *starting) forkInto() {
	st.do("new process", opFork, value(unix.CLONE_PARENT), value(st.group)).into(inGroup)
	st.enterGroup()
	st.group = -1 // only the second process is made in it
}

// keyring gives the process a keyring of its container, so that it has no part in the keeper's (keyctl(2)). The ring
// has the program's label.
func (st *starting) keyring(first bool) {
	if label := st.process.SelinuxLabel; label != "" {
		st.write("can't label the session keyring", st.proc, "self/attr/keycreate", label)
		defer st.write("can't label the session keyring", st.proc, "self/attr/keycreate", "")
	}
	ring := st.register()
	done := &label{}
	st.do("unable to join session keyring", unix.SYS_KEYCTL, value(unix.KEYCTL_JOIN_SESSION_KEYRING),
		cstring("_ses."+st.c.id)).tolerate(unix.ENOSYS).orElse(done).into(ring)
	if first {
		// Let further programs find the ring, beyond the default permissions: those of its owner, or in a user
		// namespace anybody's.
		permissions := 0x3f130000 | 0x080000
		if st.spaces.joins(unix.CLONE_NEWUSER) {
			permissions = 0x3f130000 | 0x8
		}
		st.do("unable to mod keyring permissions", unix.SYS_KEYCTL, value(unix.KEYCTL_SETPERM), ring, value(permissions))
	}
	st.mark(done)
}

// run starts the process. A first process that finds its program but cannot execute it counts as started: the error
// is written to the program's standard error.
func (st *starting) run(flags uintptr, first bool) (pid int, terminal *os.File, err error) {
	pid, err = st.start(flags, st.group)
	var late *lateError
	if errors.As(err, &late) && !first {
		reap(pid)
		late = nil
	}
	if err != nil && late == nil {
		return 0, nil, err
	}
	if st.console != nil {
		if terminal, err = st.console.receive(); err != nil {
			_ = unix.Kill(pid, unix.SIGKILL)
			return pid, nil, fmt.Errorf("receive terminal: %w", err)
		}
	}
	if late != nil {
		st.say(terminal, late)
	}
	return pid, terminal, nil
}

// say writes an error to the program's standard error stream, or to its terminal.
func (st *starting) say(terminal *os.File, err error) {
	fd := st.streams[2]
	if terminal != nil {
		master, numberErr := number(terminal)
		if numberErr != nil {
			return
		}
		end, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(master), unix.TIOCGPTPEER,
			unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
		if errno != 0 {
			return
		}
		defer unix.Close(int(end))
		fd = int(end)
	}
	_, _ = unix.Write(fd, []byte(err.Error()+"\n"))
}
