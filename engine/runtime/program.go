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

// limits sets resource limits. They are raised as root of the host, and lowered last: what is done until then needs some files.
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
			st.do(what, unix.SYS_PRLIMIT64, 0, kind, st.words(now.Cur, l.Hard), 0)
		}
		named = named || l.Type == files
	}
	st.rlimits = list
	if !named {
		var now unix.Rlimit
		if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &now); err != nil {
			return err
		}
		st.rlimits = append(list[:len(list):len(list)], specs.POSIXRlimit{Type: files, Soft: min(uint64(C.box_files()), now.Max), Hard: now.Max})
	}
	return nil
}

// setLimits is the second half of limits.
func (st *starting) setLimits() {
	for _, l := range st.rlimits {
		kind := rlimits[l.Type]
		what := "error setting rlimits for ready process: error setting rlimit type " + fmt.Sprint(kind)
		st.do(what, unix.SYS_PRLIMIT64, 0, kind, st.words(l.Soft, l.Hard), 0)
	}
}

// rlimits are the limits of getrlimit(2) by the names of the OCI runtime spec.
var rlimits = map[string]int{
	"RLIMIT_CPU": unix.RLIMIT_CPU, "RLIMIT_FSIZE": unix.RLIMIT_FSIZE, "RLIMIT_DATA": unix.RLIMIT_DATA,
	"RLIMIT_STACK": unix.RLIMIT_STACK, "RLIMIT_CORE": unix.RLIMIT_CORE, "RLIMIT_RSS": unix.RLIMIT_RSS,
	"RLIMIT_NPROC": unix.RLIMIT_NPROC, "RLIMIT_NOFILE": unix.RLIMIT_NOFILE, "RLIMIT_MEMLOCK": unix.RLIMIT_MEMLOCK,
	"RLIMIT_AS": unix.RLIMIT_AS, "RLIMIT_LOCKS": unix.RLIMIT_LOCKS, "RLIMIT_SIGPENDING": unix.RLIMIT_SIGPENDING,
	"RLIMIT_MSGQUEUE": unix.RLIMIT_MSGQUEUE, "RLIMIT_NICE": unix.RLIMIT_NICE, "RLIMIT_RTPRIO": unix.RLIMIT_RTPRIO,
	"RLIMIT_RTTIME": unix.RLIMIT_RTTIME,
}

// write puts text into a file of /proc.
func (s *steps) write(what string, proc register, file, text string) {
	fd := s.open(what, unix.SYS_OPENAT, proc, file, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	s.do(what, unix.SYS_WRITE, fd, s.text(text), len(text))
	s.do(what, unix.SYS_CLOSE, fd)
}

// confine names the AppArmor profile or the SELinux label that the program is to run under.
func (s *steps) confine(p *specs.Process, proc register) {
	if p.ApparmorProfile != "" {
		s.write("unable to apply apparmor profile", proc, "self/attr/exec", "exec "+p.ApparmorProfile)
	}
	if p.SelinuxLabel != "" {
		s.write("can't set process label", proc, "self/attr/exec", p.SelinuxLabel)
	}
}

// standard makes descriptors the standard streams. All others but the one for reports are closed: a program, and the folder that it starts in, could be named by them.
func (s *steps) standard(fds [3]any) {
	for i, fd := range fds {
		s.do("standard streams", unix.SYS_DUP3, fd, i, 0)
	}
	if s.report > 3 {
		s.do("close descriptors", opClose, 3, s.report-1)
	}
	// The lowest number that is free is the one that is taken, so none is above what there may have been at once.
	s.do("close descriptors", opClose, s.report+1, s.highest+s.regs+3)
}

// drop gives up what the program may not do.
//
// Without no_new_privs the filter needs a privilege and comes before that is gone; else it comes last (execute), so that it judges as few calls of ours
// as possible.
func (s *steps) drop(p *specs.Process, filter *seccomp.Filter) error {
	s.do("signals", opSignals)
	if p.NoNewPrivileges {
		s.do("no new privileges", unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	} else {
		s.filter(filter, s.program(filter))
	}
	tried := s.register()
	s.do(chdirFailed(p.Cwd), unix.SYS_CHDIR, workingDir(p.Cwd)).tolerate(unix.EACCES, unix.EPERM).into(tried)
	caps, err := capabilitySets(p.Capabilities)
	if err != nil {
		return err
	}
	s.bound(caps)
	s.do("unable to set keep caps", unix.SYS_PRCTL, unix.PR_SET_KEEPCAPS, 1, 0, 0, 0)
	s.user(&p.User)
	// A folder that root may not enter may be the user's, over a network.
	entered := &label{}
	s.do(chdirFailed(p.Cwd), opTest, tried).tolerate(unix.EAGAIN).orElse(entered)
	s.do(chdirFailed(p.Cwd), unix.SYS_CHDIR, workingDir(p.Cwd))
	s.mark(entered)
	s.inside()
	s.do("unable to clear keep caps", unix.SYS_PRCTL, unix.PR_SET_KEEPCAPS, 0, 0, 0, 0)
	s.capabilities(caps)
	return nil
}

// program is a filter as seccomp(2) takes it (struct sock_fprog).
func (s *steps) program(f *seccomp.Filter) address {
	if f == nil {
		return 0
	}
	return s.words(len(f.Program)/8, s.bytes(f.Program))
}

func (s *steps) filter(f *seccomp.Filter, program address) {
	if f != nil && len(f.Program) > 0 {
		s.do("unable to init seccomp", unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, int(f.Flags), program)
	}
}

func (s *steps) user(u *specs.User) {
	var groups []byte
	for _, g := range u.AdditionalGids {
		groups = binary.NativeEndian.AppendUint32(groups, g)
	}
	s.do("setgroups", unix.SYS_SETGROUPS, len(u.AdditionalGids), s.bytes(groups))
	uid, gid := int(u.UID), int(u.GID)
	s.do(fmt.Sprintf("unable to setup user: setgid to %d", gid), unix.SYS_SETRESGID, gid, gid, gid)
	s.do(fmt.Sprintf("unable to setup user: setuid to %d", uid), unix.SYS_SETRESUID, uid, uid, uid)
	s.protect()
}

func chdirFailed(dir string) string {
	return fmt.Sprintf("chdir to cwd (%q) set in config.json failed", dir)
}

func workingDir(dir string) string {
	if dir == "" {
		return "/"
	}
	return dir
}

var errOutside = errors.New("current working directory is outside of container mount namespace root -- possible container breakout detected")

// inside makes sure that the working folder is below the root: the kernel names one that is not without a slash at the beginning (getcwd(2)).
func (s *steps) inside() {
	outside := func(error) error { return errOutside }
	name := s.space(unix.PathMax)
	s.do("", unix.SYS_GETCWD, name, unix.PathMax).because(outside)
	s.do("", opAbsolute, name).because(outside)
}
