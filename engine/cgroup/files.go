package cgroup

import (
	"golang.org/x/sys/unix"
)

// The files of control groups are accessed by plain system calls: each holds one value, and package os would make
// three more calls for each.

// open opens a file of a group.
func open(path string, flags int) (int, error) {
	for {
		fd, err := unix.Open(path, flags|unix.O_CLOEXEC, 0)
		if err != unix.EINTR {
			return fd, err
		}
	}
}

// write writes a value in one piece. It retries after EINTR: the kernel may interrupt a change of a memory limit for
// a signal, and the Go runtime sends signals.
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

// read returns the content of a file.
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
