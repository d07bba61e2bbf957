package runtime

/*
#include "run.h"
*/
import "C"

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/containerd/errdefs"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"box/engine/seccomp"
)

// limits raises resource limits as root of the host. setLimits lowers them last, as the steps until then need some
// files.
func (st *starting) limits(list []specs.POSIXRlimit) error {
	const files = "RLIMIT_NOFILE"
	named := false
	for _, l := range list {
		kind, ok := rlimits[l.Type]
		if !ok {
			return fmt.Errorf("unknown resource limit %q: %w", l.Type, errdefs.ErrInvalidArgument)
		}
		what := "error setting rlimits for ready process: error setting rlimit type " + fmt.Sprint(kind)
		var now unix.Rlimit
		if err := unix.Getrlimit(kind, &now); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		if l.Hard > now.Max {
			st.do(what, unix.SYS_PRLIMIT64, value(0), value(kind), st.words(value(now.Cur), value(l.Hard)))
		}
		named = named || l.Type == files
	}
	st.rlimits = list
	if !named {
		var now unix.Rlimit
		if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &now); err != nil {
			return err
		}
		own := specs.POSIXRlimit{Type: files, Soft: min(uint64(C.box_files()), now.Max), Hard: now.Max}
		st.rlimits = append(list[:len(list):len(list)], own)
	}
	return nil
}

// setLimits sets the limit on the user's processes, or all others. That one limit is only for the process that
// becomes the program: it could keep another from forking it.
func (st *starting) setLimits(processes bool) {
	for _, l := range st.rlimits {
		kind := rlimits[l.Type]
		if (kind == unix.RLIMIT_NPROC) != processes {
			continue
		}
		what := "error setting rlimits for ready process: error setting rlimit type " + fmt.Sprint(kind)
		st.do(what, unix.SYS_PRLIMIT64, value(0), value(kind), st.words(value(l.Soft), value(l.Hard)))
	}
}

// rlimits has the limits of getrlimit(2) by the names of the OCI runtime spec.
var rlimits = map[string]int{
	"RLIMIT_CPU": unix.RLIMIT_CPU, "RLIMIT_FSIZE": unix.RLIMIT_FSIZE, "RLIMIT_DATA": unix.RLIMIT_DATA,
	"RLIMIT_STACK": unix.RLIMIT_STACK, "RLIMIT_CORE": unix.RLIMIT_CORE, "RLIMIT_RSS": unix.RLIMIT_RSS,
	"RLIMIT_NPROC": unix.RLIMIT_NPROC, "RLIMIT_NOFILE": unix.RLIMIT_NOFILE, "RLIMIT_MEMLOCK": unix.RLIMIT_MEMLOCK,
	"RLIMIT_AS": unix.RLIMIT_AS, "RLIMIT_LOCKS": unix.RLIMIT_LOCKS, "RLIMIT_SIGPENDING": unix.RLIMIT_SIGPENDING,
	"RLIMIT_MSGQUEUE": unix.RLIMIT_MSGQUEUE, "RLIMIT_NICE": unix.RLIMIT_NICE, "RLIMIT_RTPRIO": unix.RLIMIT_RTPRIO,
	"RLIMIT_RTTIME": unix.RLIMIT_RTTIME,
}

// Rlimit returns the number of a limit of getrlimit(2) by its name in the OCI runtime spec.
func Rlimit(name string) (number int, known bool) {
	number, known = rlimits[name]
	return number, known
}

// write puts text into a file of /proc.
func (s *steps) write(what string, proc register, file, text string) {
	s.writeTo(what, s.open(what, unix.SYS_OPENAT, proc, cstring(file), value(unix.O_WRONLY|unix.O_CLOEXEC)), text)
}

func (s *steps) writeTo(what string, fd register, text string) {
	s.do(what, unix.SYS_WRITE, fd, s.text(text), value(len(text)))
	s.do(what, unix.SYS_CLOSE, fd)
}

// confine sets the AppArmor profile or the SELinux label that the program will run under. AppArmor has its own file
// since Linux 5.8; the common one may belong to another security module.
func (s *steps) confine(p *specs.Process, proc register) {
	if p.ApparmorProfile != "" {
		const what = "unable to apply apparmor profile"
		common, opened := &label{}, &label{}
		fd := s.register()
		s.do(what, unix.SYS_OPENAT, proc, cstring("self/attr/apparmor/exec"), value(unix.O_WRONLY|unix.O_CLOEXEC)).
			tolerate(unix.ENOENT).orElse(common).into(fd).then(opened)
		s.mark(common)
		s.do(what, unix.SYS_OPENAT, proc, cstring("self/attr/exec"), value(unix.O_WRONLY|unix.O_CLOEXEC)).into(fd)
		s.mark(opened)
		s.writeTo(what, fd, "exec "+p.ApparmorProfile)
	}
	if p.SelinuxLabel != "" {
		s.write("can't set process label", proc, "self/attr/exec", p.SelinuxLabel)
	}
}

// standard makes descriptors the standard streams and closes the originals.
func (s *steps) standard(fds ...operand) {
	closed := map[operand]bool{}
	for i, fd := range fds {
		s.do("standard streams", unix.SYS_DUP3, fd, value(i))
	}
	for _, fd := range fds {
		if !closed[fd] {
			s.release(fd)
		}
		closed[fd] = true
	}
}

// closeOthers closes all descriptors but the standard streams and the one for reports, as the program or its working
// folder could be named by them.
func (s *steps) closeOthers() {
	if s.report > 3 {
		s.do("close descriptors", opClose, value(3), value(s.report-1))
	}
	// The kernel takes the lowest free number, so none is above what can have been open at once.
	s.do("close descriptors", opClose, value(s.report+1), value(s.highest+s.regs+3))
}

// drop gives up what the program may not do and enters its folder.
//
// Without no_new_privs the filter needs a privilege and comes before that is gone. Otherwise it comes last (execute),
// so that it judges as few of our calls as possible.
func (s *starting) drop(p *specs.Process, filter *seccomp.Filter) error {
	s.do("signals", opSignals)
	entered := s.chdir(p.Cwd, unix.EACCES, unix.EPERM)
	s.setLimits(false)
	if p.NoNewPrivileges {
		s.do("no new privileges", unix.SYS_PRCTL, value(unix.PR_SET_NO_NEW_PRIVS), value(1))
	} else {
		s.filter(filter, s.program(filter))
	}
	caps, err := capabilitySets(p.Capabilities)
	if err != nil {
		return err
	}
	s.bound(caps)
	s.do("unable to set keep caps", unix.SYS_PRCTL, value(unix.PR_SET_KEEPCAPS), value(1))
	s.user(&p.User)
	// A folder that root may not enter may be the user's, on a network file system.
	again, done := &label{}, &label{}
	s.do(chdirFailed(p.Cwd), opTest, entered).tolerate(unix.EAGAIN).orElse(again).then(done)
	s.mark(again)
	s.chdir(p.Cwd)
	s.mark(done)
	s.inside()
	s.do("unable to clear keep caps", unix.SYS_PRCTL, value(unix.PR_SET_KEEPCAPS))
	s.capabilities(caps)
	return nil
}

// program lays out a filter as seccomp(2) takes it (struct sock_fprog).
func (s *steps) program(f *seccomp.Filter) address {
	if f == nil {
		return 0
	}
	return s.words(value(len(f.Program)/8), s.bytes(f.Program))
}

func (s *steps) filter(f *seccomp.Filter, program address) {
	if f != nil && len(f.Program) > 0 {
		s.do("unable to init seccomp", unix.SYS_SECCOMP, value(unix.SECCOMP_SET_MODE_FILTER), value(f.Flags), program)
	}
}

// umask sets the mask that a program asks for. For others, runc's stays in force.
func (s *steps) umask(u *specs.User) {
	if u.Umask != nil {
		s.do("umask", unix.SYS_UMASK, value(*u.Umask))
	}
}

func (s *steps) user(u *specs.User) {
	var groups []byte
	for _, g := range u.AdditionalGids {
		groups = binary.NativeEndian.AppendUint32(groups, g)
	}
	s.do("setgroups", unix.SYS_SETGROUPS, value(len(u.AdditionalGids)), s.bytes(groups))
	uid, gid := int(u.UID), int(u.GID)
	s.do(fmt.Sprintf("unable to setup user: setgid to %d", gid), unix.SYS_SETRESGID, value(gid), value(gid), value(gid))
	s.do(fmt.Sprintf("unable to setup user: setuid to %d", uid), unix.SYS_SETRESUID, value(uid), value(uid), value(uid))
	s.protect()
}

func chdirFailed(dir string) string {
	return fmt.Sprintf("chdir to cwd (%q) set in config.json failed", dir)
}

// chdir enters a folder of the container, whose root is the process's. entered is 0 only if that failed with an error
// of pass.
func (s *steps) chdir(dir string, pass ...unix.Errno) (entered register) {
	what := chdirFailed(dir)
	out, outside := &label{}, &label{}
	top := s.open(what, unix.SYS_OPENAT, current, cstring("/"), value(unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC))
	found := s.register()
	s.do(what, opPlace, top, s.fresh("/"+dir), there).tolerate(pass...).orElse(outside).into(found)
	s.do(what, unix.SYS_FCHDIR, found).tolerate(pass...).orElse(out)
	entered = s.open(what, opOr, value(1))
	s.mark(out)
	s.release(found)
	s.mark(outside)
	s.release(top)
	return entered
}

var errOutside = errors.New("current working directory is outside of container mount namespace root -- possible " +
	"container breakout detected")

// inside makes sure that the working folder is below the root. The kernel names one that is not without a slash at
// the beginning (getcwd(2)).
func (s *steps) inside() {
	outside := func(error) error { return errOutside }
	name := s.space(unix.PathMax)
	s.do("", unix.SYS_GETCWD, name, value(unix.PathMax)).because(outside)
	s.do("", opAbsolute, name).because(outside)
}
