package runtime

import (
	"os"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// first starts a container's first process.
//
// Where all namespaces are made anew the copy of the keeper is that process already. A user namespace, which must be entered before others are made in
// it, and a PID namespace, which only children are in, take a second copy.
func (c *Container) first(p *specs.Process, s Streams) (pid int, terminal *os.File, err error) {
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
	if err := st.begin(); err != nil {
		return 0, nil, err
	}
	r := &root{steps: st.steps, users: sp.joins(unix.CLONE_NEWUSER), label: c.spec.Linux.MountLabel, trees: map[string]register{}}
	flags := sp.own &^ unix.CLONE_NEWCGROUP
	if r.users {
		r.openTrees(c.spec.Mounts)
	}
	if r.users || sp.joins(unix.CLONE_NEWPID) {
		st.enter(flags)
		st.fork()
		flags = 0
	} else {
		st.join(sp.joined, st.joins)
		st.enterGroup()
	}
	if sp.own&unix.CLONE_NEWCGROUP != 0 {
		st.do("new control group namespace", unix.SYS_UNSHARE, unix.CLONE_NEWCGROUP)
	}
	st.session(true)
	if err := st.inRoot(r); err != nil {
		return 0, nil, err
	}
	return st.run(flags, true)
}

// inRoot makes the container's root, moves there, and executes the program.
func (st *starting) inRoot(r *root) error {
	spec, p := st.c.spec, st.process
	folders, err := st.c.group.Paths()
	if err != nil {
		return err
	}
	st.do("umask", unix.SYS_UMASK, 0)
	if err := st.enterRoot(spec); err != nil {
		return err
	}
	r.fd = st.openRoot(spec)
	if err := r.mountAll(spec, folders, st.spaces.own&unix.CLONE_NEWCGROUP != 0); err != nil {
		return err
	}
	r.devices(spec)
	streams := [3]any{st.streams[0], st.streams[1], st.streams[2]}
	if st.console != nil {
		end := st.terminal(p, r.fd, st.proc, st.socket)
		r.showConsole(end)
		st.do("control the terminal", unix.SYS_IOCTL, end, unix.TIOCSCTTY, 0)
		streams = [3]any{end, end, end}
	}
	r.hide(spec)
	r.protectMounts(spec.Mounts)
	st.names(spec)
	for _, key := range sortedKeys(spec.Linux.Sysctl) {
		st.sysctl(key, spec.Linux.Sysctl[key], st.proc)
	}
	st.confine(p, st.proc)
	r.pivot(spec)
	st.do("umask", unix.SYS_UMASK, 0o022)
	st.makeWorkingDir(p.Cwd)
	if spec.Root.Readonly {
		r.protectRoot()
	}
	st.standard(streams)
	st.setLimits()
	if err := st.drop(p, st.c.record.Filter); err != nil {
		return err
	}
	return st.execute(p, st.c.record.Filter)
}
