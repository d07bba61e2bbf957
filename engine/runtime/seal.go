package runtime

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Sealed opens this program's file in a form that nobody can write to, to be executed in place of the file.
//
// A container must never get hold of the file that its processes were started from (CVE-2019-5736): until they
// execute a program of the container, they are copies of a process that runs from there. An overlay of only lower
// folders cannot be written to and costs nothing. Where the kernel makes none for the file's folder, Sealed makes a
// copy in memory. It creates dir if need be and leaves it empty.
func Sealed(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return nil, err
	}
	if f, err := overlaid(dir); err == nil {
		return f, nil
	}
	return Copied()
}

// overlaid opens the file through an overlay that is mounted nowhere. The kernel takes no less than two folders; this
// program's is the upper one.
func overlaid(dir string) (*os.File, error) {
	path, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return nil, err
	}
	fs, err := unix.Fsopen("overlay", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fs)
	escape := strings.NewReplacer(`\`, `\\`, ":", `\:`)
	folders := escape.Replace(filepath.Dir(path)) + ":" + escape.Replace(dir)
	if err := unix.FsconfigSetString(fs, "lowerdir", folders); err != nil {
		return nil, err
	}
	_ = unix.FsconfigSetString(fs, "xino", "off") // spares the log a line where the folders are on two file systems
	if err := unix.FsconfigCreate(fs); err != nil {
		return nil, err
	}
	m, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOSUID)
	if err != nil {
		return nil, err
	}
	defer unix.Close(m)
	fd, err := unix.Openat(m, filepath.Base(path), unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), path), nil
}

// Copied returns a copy of this program's file in memory that nobody can write to.
func Copied() (*os.File, error) {
	f, err := copied()
	if err != nil {
		return nil, fmt.Errorf("copy of the executable: %w", err)
	}
	return f, nil
}

// InMemory tells whether this program runs from a copy made by Copied.
func InMemory() bool {
	exe, err := os.Open("/proc/self/exe")
	if err != nil {
		return false
	}
	defer exe.Close()
	has, err := unix.FcntlInt(exe.Fd(), unix.F_GET_SEALS, 0)
	return err == nil && has&seals == seals
}

// seals keep a file from ever being changed.
const seals = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE

// copied calls memfd_create(2). MFD_EXEC came with Linux 6.3.
func copied() (*os.File, error) {
	exe, err := os.Open("/proc/self/exe")
	if err != nil {
		return nil, err
	}
	defer exe.Close()
	const flags = unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	fd, err := unix.MemfdCreate("box", flags|unix.MFD_EXEC)
	if err == unix.EINVAL {
		fd, err = unix.MemfdCreate("box", flags)
	}
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "box")
	if _, err := io.Copy(f, exe); err != nil {
		f.Close()
		return nil, err
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
