package seccomp

import (
	"runtime"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// TestKernelTakesTheProgram installs Docker's profile on a thread, which ends with the test.
func TestKernelTakesTheProgram(t *testing.T) {
	f, err := Compile(dockerDefault(t, defaultCaps...))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			t.Error(err)
			return
		}
		program := unix.SockFprog{Len: uint16(len(f.Program) / 8), Filter: (*unix.SockFilter)(unsafe.Pointer(&f.Program[0]))}
		if _, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, setModeFilter, uintptr(f.Flags),
			uintptr(unsafe.Pointer(&program))); errno != 0 {
			t.Error("seccomp: ", errno)
			return
		}
		for _, row := range []struct {
			name string
			nr   uintptr
			want syscall.Errno
		}{{"getpid", unix.SYS_GETPID, 0}, {"keyctl", unix.SYS_KEYCTL, unix.EPERM}, {"clone3", unix.SYS_CLONE3, unix.ENOSYS},
			{"a new one", 999, unix.ENOSYS}} {
			if _, _, errno := unix.RawSyscall(row.nr, 0, 0, 0); errno != row.want {
				t.Errorf("%s: %d, want %d", row.name, errno, row.want)
			}
		}
	}()
	<-done
}
