// Package userns makes network namespaces that belong to a user namespace. A container with its own IDs must own its
// network, too; otherwise its root could not mount /sys or bind low ports.
//
// Only a process with one thread can join a user namespace (setns(2)), which a Go program never is. So a copy of this
// program does it in C before Go starts, and waits.
package userns

/*
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

__attribute__((constructor)) static void box_userns(void)
{
	const char *join = getenv("_BOX_USERNS");
	char c;
	int fd;

	if (join == NULL)
		return;
	if (*join != 0) {
		fd = open(join, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || setns(fd, CLONE_NEWUSER) != 0)
			_exit(errno);
	} else {
		if (unshare(CLONE_NEWUSER) != 0 || write(1, "u", 1) != 1)
			_exit(errno);
		if (read(0, &c, 1) != 1)
			_exit(ECANCELED);
	}
	if (unshare(CLONE_NEWNET) != 0 || write(1, "n", 1) != 1)
		_exit(errno);
	while (read(0, &c, 1) > 0)
		;
	_exit(0);
}
*/
import "C"

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"box/fs"
)

// Holder is a process in a user namespace and a network namespace of it. They end with the process unless somebody else
// holds them.
type Holder struct {
	c   *exec.Cmd
	in  io.WriteCloser
	out io.Reader
}

// New makes a user namespace with mapped IDs, and a network namespace in it. Close must be called.
func New(ids fs.IDMaps) (*Holder, error) {
	h, err := start("")
	if err != nil {
		return nil, err
	}
	err = h.await('u')
	for _, m := range []struct {
		file   string
		ranges []fs.IDMap
	}{{"gid_map", ids.GIDs}, {"uid_map", ids.UIDs}} {
		if err == nil {
			err = os.WriteFile(h.path(m.file), []byte(lines(m.ranges)), 0)
		}
	}
	if err == nil {
		_, err = h.in.Write([]byte{0})
	}
	return h.ready(err)
}

// Join makes a network namespace in the user namespace at path. Close must be called.
func Join(path string) (*Holder, error) {
	h, err := start(path)
	if err != nil {
		return nil, err
	}
	return h.ready(nil)
}

func start(join string) (*Holder, error) {
	c := exec.Command("/proc/self/exe")
	c.Args[0] = "box"
	c.Env = []string{"_BOX_USERNS=" + join}
	in, err := c.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.Start(); err != nil {
		return nil, fmt.Errorf("user namespace: %w", err)
	}
	return &Holder{c: c, in: in, out: out}, nil
}

// await reads the byte with which the process reports progress. If the process ends, the error is its exit code.
func (h *Holder) await(want byte) error {
	var b [1]byte
	if _, err := io.ReadFull(h.out, b[:]); err != nil {
		_ = h.c.Wait()
		return syscall.Errno(h.c.ProcessState.ExitCode())
	}
	if b[0] != want {
		return unix.EPROTO
	}
	return nil
}

func (h *Holder) ready(err error) (*Holder, error) {
	if err == nil {
		err = h.await('n')
	}
	if err != nil {
		h.Close()
		return nil, fmt.Errorf("user namespace: %w", err)
	}
	return h, nil
}

func (h *Holder) path(file string) string { return fmt.Sprintf("/proc/%d/%s", h.c.Process.Pid, file) }

// User returns the path of the user namespace, which is valid until Close.
func (h *Holder) User() string { return h.path("ns/user") }

// Network returns the path of the network namespace, which is valid until Close.
func (h *Holder) Network() string { return h.path("ns/net") }

// Close releases the namespaces.
func (h *Holder) Close() {
	h.in.Close()
	_ = h.c.Wait() // it has no more to say
}

// lines formats a map as in user_namespaces(7).
func lines(ranges []fs.IDMap) string {
	var b strings.Builder
	for _, r := range ranges {
		fmt.Fprintf(&b, "%d %d %d\n", r.Container, r.Host, r.Size)
	}
	return b.String()
}
