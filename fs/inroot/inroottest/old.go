// Package inroottest lets tests see what box does on a kernel without openat2(2).
package inroottest

import (
	"runtime"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Kernels runs fn on this kernel, and as on one before Linux 5.6: on a thread that the kernel answers ENOSYS to
// openat2(2).
func Kernels(t *testing.T, fn func(t *testing.T)) {
	t.Run("new", fn)
	t.Run("old", func(t *testing.T) {
		// Never unlocked: the thread ends with the goroutine of this test, and the filter with it.
		runtime.LockOSThread()
		filter := []unix.SockFilter{
			{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS}, // the number of the call
			{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: unix.SYS_OPENAT2},
			{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)},
			{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
		}
		program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			t.Fatal(err)
		}
		_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&program)))
		if errno != 0 {
			t.Fatal(errno)
		}
		if _, err := unix.Openat2(unix.AT_FDCWD, "/", &unix.OpenHow{}); err != unix.ENOSYS {
			t.Fatal("openat2 is there: ", err)
		}
		fn(t)
	})
}
