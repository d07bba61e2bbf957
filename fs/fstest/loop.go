package fstest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// Apart runs the tests of a package in a mount namespace of their own, so that nothing stays mounted when they end,
// however they do. It is what a TestMain passes to os.Exit.
func Apart(m *testing.M) int {
	runtime.LockOSThread() // Pdeathsig is of the thread
	const again = "BOX_TESTS_APART"
	if os.Geteuid() != 0 || os.Getenv(again) != "" {
		return m.Run()
	}
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Args[0] = os.Args[0]
	cmd.Env = append(os.Environ(), again+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	// Unshareflags makes the mounts private too, which CLONE_NEWNS in Cloneflags does not.
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWNS, Pdeathsig: unix.SIGKILL}
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return cmd.ProcessState.ExitCode()
}

// OnLoop mounts a new file system on a folder of its own until the test ends.
func OnLoop(t testing.TB, kind string) string {
	t.Helper()
	at, err := os.MkdirTemp(inMemory(), "box-loop")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(at) })
	if err := Loop(kind, at); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(at, unix.MNT_DETACH) })
	return at
}

// inMemory is where a file is written without waiting for what others write, "" where there is no such place.
func inMemory() string {
	const dir = "/dev/shm"
	if st, err := os.Stat(dir); err != nil || !st.IsDir() {
		return ""
	}
	return dir
}

// loopSize is that of a file system of Loop, in bytes. The least of xfs is 300 MB.
const loopSize = 320 << 20

// Loop mounts a new file system at a folder. Its device and file go with the mount.
func Loop(kind, at string) error { return loop(kind, at, "") }

// loop is Loop with options of the mount and of mkfs.
func loop(kind, at, data string, args ...string) error {
	file, err := os.CreateTemp(inMemory(), "box-image")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // the device keeps it
	if err := errors.Join(file.Close(), format(kind, file.Name(), args)); err != nil {
		return err
	}
	dev, err := attach(file.Name())
	if err != nil {
		return fmt.Errorf("loop device for %s: %w", file.Name(), err)
	}
	defer dev.Close() // the mount keeps it
	if err := unix.Mount(dev.Name(), at, kind, 0, data); err != nil {
		return fmt.Errorf("mount %s from %s: %w", kind, dev.Name(), err)
	}
	return nil
}

// format makes a sparse file and an empty file system on it, by the host's mkfs.
func format(kind, file string, args []string) error {
	if err := os.Truncate(file, loopSize); err != nil {
		return err
	}
	args = append(append([]string{"-q"}, args...), file)
	cmd := exec.Command("mkfs."+kind, args...)
	if cmd.Err != nil { // it is where only root looks
		cmd = exec.Command("/usr/sbin/mkfs."+kind, args...)
	}
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("mkfs.%s: %w: %s", kind, err, said)
	}
	return nil
}

// attach makes a file a block device, which goes when nobody has it open or mounted.
func attach(file string) (*os.File, error) {
	backing, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer backing.Close()
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer control.Close()
	for {
		n, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
		if err != nil {
			return nil, err
		}
		dev, err := os.OpenFile(fmt.Sprint("/dev/loop", n), os.O_RDWR, 0)
		if err != nil {
			return nil, err
		}
		c := unix.LoopConfig{Fd: uint32(backing.Fd()), Info: unix.LoopInfo64{Flags: unix.LO_FLAGS_AUTOCLEAR}}
		err = unix.IoctlLoopConfigure(int(dev.Fd()), &c)
		if err == nil {
			return dev, nil
		}
		dev.Close()
		if !errors.Is(err, unix.EBUSY) { // else somebody was faster
			return nil, err
		}
	}
}
