package runtime

import (
	"maps"
	"os"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// init starts a container's first process.
//
// If all namespaces are new, the copy of the keeper is that process already. Two kinds take a second copy: a user
// namespace, which must be entered before others are made in it, and a joined PID namespace, which only children are
// in.
func (c *container) init(p *specs.Process, s Streams) (pid int, terminal *os.File, err error) {
	sp, err := spacesOf(c.spec.Linux.Namespaces)
	defer sp.close()
	if err != nil {
		return 0, nil, err
	}
	st, err := c.prepare(p, s, sp)
	defer st.close()
	if err != nil {
		return 0, nil, err
	}
	flags, err := st.planInit()
	if err != nil {
		return 0, nil, err
	}
	return st.run(flags, true)
}

// planInit writes down the steps of a first process and returns the flags of clone(2) to make it with.
func (st *starting) planInit() (flags uintptr, err error) {
	if err := st.begin(); err != nil {
		return 0, err
	}
	spec, sp := st.c.spec, &st.spaces
	r := &root{
		steps: st.steps, users: sp.joins(unix.CLONE_NEWUSER), label: spec.Linux.MountLabel, trees: map[string]register{},
	}
	flags = sp.own &^ unix.CLONE_NEWCGROUP
	switch {
	case r.users:
		r.openTrees(spec.Mounts)
		st.enterGroup() // the root of a user namespace may not put anything into a control group
		st.enter(flags)
		st.fork()
		flags = 0
	case sp.joins(unix.CLONE_NEWPID):
		st.enter(flags)
		st.forkInto()
		flags = 0
	default:
		st.join()
		st.enterGroup()
	}
	if sp.own&unix.CLONE_NEWCGROUP != 0 {
		st.do("new control group namespace", unix.SYS_UNSHARE, value(unix.CLONE_NEWCGROUP))
	}
	st.do("setsid", unix.SYS_SETSID)
	st.keyring(true)
	return flags, st.inRoot(r)
}

// inRoot makes the container's root, moves there and executes the program.
func (st *starting) inRoot(r *root) error {
	spec, p := st.c.spec, st.process
	folders, err := st.c.group.Paths()
	if err != nil {
		return err
	}
	st.do("umask", unix.SYS_UMASK, value(0))
	if err := st.enterRoot(spec); err != nil {
		return err
	}
	r.fd = st.openRoot(spec)
	if err := r.mountAll(spec, folders, st.spaces.own&unix.CLONE_NEWCGROUP != 0); err != nil {
		return err
	}
	r.devices(spec)
	if st.console != nil {
		end := st.terminal(p, r.fd, st.proc, st.socket)
		r.showConsole(end)
		st.do("control the terminal", unix.SYS_IOCTL, end, value(unix.TIOCSCTTY))
		st.standard(end, end, end)
		st.release(value(st.socket))
	}
	r.hide(spec)
	r.protectMounts(spec.Mounts)
	st.names(spec)
	for _, key := range slices.Sorted(maps.Keys(spec.Linux.Sysctl)) {
		st.sysctl(key, spec.Linux.Sysctl[key], st.proc)
	}
	st.confine(p, st.proc)
	st.release(st.proc) // its parent is the host's root
	r.pivot(spec)
	st.do("umask", unix.SYS_UMASK, value(0o022))
	r.makeWorkingDir(p.Cwd)
	st.umask(&p.User)
	if spec.Root.Readonly {
		r.protectRoot()
	}
	st.closeOthers()
	st.setLimits(true)
	if err := st.drop(p, st.c.record.Filter); err != nil {
		return err
	}
	return st.execute(p, st.lateFilter())
}
