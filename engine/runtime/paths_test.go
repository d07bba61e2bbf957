package runtime

import (
	"bytes"
	"path"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// pathOperands are the operands that the kernel resolves as paths, by call and operation. The test fails on calls
// that are not listed.
var pathOperands = map[operation][]int{
	unix.SYS_OPENAT: {1}, unix.SYS_MOUNT: {0, 1}, unix.SYS_UMOUNT2: {0}, unix.SYS_CHDIR: {0}, unix.SYS_PIVOT_ROOT: {0, 1},
	unix.SYS_EXECVE: {0},
	opExecutable:    {0}, opPlace: {1},
	unix.SYS_FCHDIR: {}, unix.SYS_CLOSE: {}, unix.SYS_WRITE: {}, unix.SYS_UMASK: {}, unix.SYS_DUP3: {},
	unix.SYS_PRLIMIT64: {}, unix.SYS_PRCTL: {},
	unix.SYS_SECCOMP: {}, unix.SYS_SETGROUPS: {}, unix.SYS_SETRESGID: {}, unix.SYS_SETRESUID: {}, unix.SYS_GETCWD: {},
	unix.SYS_CAPSET: {},
	unix.SYS_SETSID: {}, unix.SYS_KEYCTL: {}, unix.SYS_IOCTL: {}, unix.SYS_FCHOWN: {}, unix.SYS_SENDMSG: {},
	opFork: {}, opDecimal: {}, opStore: {}, opAbsolute: {}, opClose: {}, opTest: {}, opSignals: {}, opOr: {}, opFlags: {},
	opDevice: {},
}

// entered returns the step by which the process is in the container's root, and the last step that makes a process,
// -1 for none.
func (st *starting) entered(t *testing.T) (entered, forked int) {
	t.Helper()
	entered, forked = -1, -1
	pivoted := false
	for i := range st.list {
		s := &st.list[i]
		switch {
		case s.nr == unix.SYS_PIVOT_ROOT:
			pivoted = true
		case entered < 0 && s.nr == unix.SYS_SETNS && s.args[1] == value(unix.CLONE_NEWNS),
			entered < 0 && pivoted && s.nr == unix.SYS_CHDIR && st.operand(s.args[0]) == "/":
			entered = i
		case s.nr == opFork:
			forked = i
		}
	}
	if entered < 0 {
		t.Fatal("root is not entered")
	}
	return entered, forked
}

// operand returns the text of a path.
func (st *starting) operand(w word) string {
	at, ok := w.(address)
	if !ok {
		return "no path"
	}
	text, _, _ := bytes.Cut(st.b[at:], []byte{0})
	return string(text)
}

// TestPathsInRoot checks that no plain call but the program's resolves a path once the process has entered the
// container's root. Other paths are opened below a descriptor of the root (opPlace), and no descriptor has parents
// that a path could lead to.
func TestPathsInRoot(t *testing.T) {
	for _, k := range startKinds() {
		t.Run(k.what, func(t *testing.T) {
			st, _, _ := planned(t, &k, "true")
			from, forked := st.entered(t)
			programs := []string{}
			for _, dir := range strings.Split(variable(st.process.Env, "PATH"), ":") {
				programs = append(programs, path.Join(dir, "true"))
			}
			placed, seen := 0, 0
			for i := from + 1; i < len(st.list); i++ {
				s := &st.list[i]
				operands, ok := pathOperands[s.nr]
				if !ok {
					t.Errorf("step %d, %v: call %d may have paths", i, s.fail(unix.EPERM), s.nr)
				}
				for _, n := range operands {
					text := st.operand(s.args[n])
					seen++
					switch {
					case s.nr == opPlace:
						placed++
					case text == "/": // the container's root itself
					case s.nr == unix.SYS_MOUNT && n == 0 && text == "": // nothing that is mounted
					case s.nr == opExecutable || s.nr == unix.SYS_EXECVE:
						if !slices.Contains(programs, text) {
							t.Errorf("step %d executes %q", i, text)
						}
					case s.nr == unix.SYS_OPENAT && s.args[0] == st.proc && strings.HasPrefix(text, "self/") && st.c.spec == nil &&
						i < forked:
						// One of the kernel's own files, while nobody in the container sees the process.
					default:
						t.Errorf("step %d, %v: %q is resolved by a plain call", i, s.fail(unix.EPERM), text)
					}
				}
			}
			if placed == 0 || seen == placed {
				t.Errorf("%d of %d paths are opened in the root", placed, seen)
			}
		})
	}
}
