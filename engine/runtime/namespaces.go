package runtime

import (
	"fmt"
	"os"
	"strconv"

	"github.com/containerd/errdefs"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// namespaceKinds are the kinds of namespaces(7) in the order in which they are joined: user first, since it decides
// what the process may do to the others, and mount last, since it takes /proc out of sight.
var namespaceKinds = []struct {
	kind specs.LinuxNamespaceType
	file string // in /proc/PID/ns
	flag uintptr
}{
	{specs.UserNamespace, "user", unix.CLONE_NEWUSER},
	{specs.IPCNamespace, "ipc", unix.CLONE_NEWIPC},
	{specs.UTSNamespace, "uts", unix.CLONE_NEWUTS},
	{specs.NetworkNamespace, "net", unix.CLONE_NEWNET},
	{specs.PIDNamespace, "pid", unix.CLONE_NEWPID},
	{specs.CgroupNamespace, "cgroup", unix.CLONE_NEWCGROUP},
	{specs.MountNamespace, "mnt", unix.CLONE_NEWNS},
}

// spaces are the namespaces of a process to be started: those to make and those to join.
type spaces struct {
	own    uintptr // flags of clone(2)
	joined []joined
}

type joined struct {
	kind string
	flag uintptr
	f    *os.File
}

func (s *spaces) close() {
	for _, j := range s.joined {
		j.f.Close()
	}
}

// joins tells whether a namespace of that kind is joined.
func (s *spaces) joins(flag uintptr) bool {
	for _, j := range s.joined {
		if j.flag == flag {
			return true
		}
	}
	return false
}

// spacesOf notes the namespaces that a spec makes and opens those that it joins. The caller must close the result,
// even after an error.
func spacesOf(list []specs.LinuxNamespace) (s spaces, err error) {
	for _, k := range namespaceKinds {
		for _, n := range list {
			switch {
			case n.Type != k.kind:
			case n.Path == "" && k.flag == unix.CLONE_NEWUSER:
				return s, fmt.Errorf("a user namespace without a path: %w", errdefs.ErrInvalidArgument)
			case n.Path == "":
				s.own |= k.flag
			default:
				if err := s.join(k.file, k.flag, n.Path); err != nil {
					return s, err
				}
			}
		}
	}
	return s, nil
}

func (s *spaces) join(kind string, flag uintptr, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("namespace to join: %w", err)
	}
	s.joined = append(s.joined, joined{kind, flag, f})
	return nil
}

// spacesWithin opens those namespaces of process pid whose flags are in kinds. The caller must close the result, even
// after an error.
func spacesWithin(pid int, kinds uintptr) (s spaces, err error) {
	for _, k := range namespaceKinds {
		if kinds&k.flag == 0 {
			continue
		}
		if err := s.join(k.file, k.flag, "/proc/"+strconv.Itoa(pid)+"/ns/"+k.file); err != nil {
			return s, err
		}
	}
	return s, nil
}

// numbers returns the descriptors of the namespaces to join.
func (s *spaces) numbers() (list []int, err error) {
	for _, j := range s.joined {
		n, err := number(j.f)
		if err != nil {
			return nil, err
		}
		list = append(list, n)
	}
	return list, nil
}

// join appends the steps that enter the namespaces and become root of the user namespace, if there is one.
func (st *starting) join() {
	for i, j := range st.spaces.joined {
		st.do("join namespace "+j.kind, unix.SYS_SETNS, value(st.joins[i]), value(j.flag))
		st.release(value(st.joins[i]))
		if j.flag == unix.CLONE_NEWUSER {
			st.do("become root of the user namespace", unix.SYS_SETRESGID, value(0))
			st.do("become root of the user namespace", unix.SYS_SETRESUID, value(0))
			st.protect()
		}
	}
}
