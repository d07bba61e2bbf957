package cgroup

import (
	"golang.org/x/sys/unix"
)

// The files of control groups are read and written with plain system calls: each is one value, and package os would
// ask the kernel three more questions about each.

// open opens a file of a group.
func open(path string, flags int) (int, error) {
	for {
		fd, err := unix.Open(path, flags|unix.O_CLOEXEC, 0)
		if err != unix.EINTR {
			return fd, err
		}
	}
}

// write gives a file its value in one piece. The kernel may break off a limit of memory for a signal, and the Go
// runtime sends those.
func write(path, value string) error {
	fd, err := open(path, unix.O_WRONLY)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return put(fd, value)
}

func put(fd int, value string) error {
	for {
		_, err := unix.Write(fd, []byte(value))
		if err != unix.EINTR {
			return err
		}
	}
}

// read is a whole file.
func read(path string) (string, error) {
	fd, err := open(path, unix.O_RDONLY)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	text, part := []byte(nil), make([]byte, 4096)
	for {
		n, err := unix.Read(fd, part)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return "", err
		case n == 0:
			return string(text), nil
		default:
			text = append(text, part[:n]...)
		}
	}
}
