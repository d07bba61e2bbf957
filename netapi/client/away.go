package client

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// awayAfter is how long to wait for an answer before Options.Away is called.
const awayAfter = 500 * time.Millisecond

// watchAway notices that the daemon behind a unix socket has ended while the keeper holds the socket for the next
// daemon. The request waits then, and Options.Away is called if that takes long.
func (c *Client) watchAway(conn net.Conn) {
	pid := listener(conn)
	if pid <= 0 || running(pid) {
		return
	}
	c.away.Store(true)
	if c.options.Away == nil {
		return
	}
	timer := time.AfterFunc(awayAfter, c.options.Away)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = append(c.waiting, timer)
}

// answered ends the wait for a daemon.
func (c *Client) answered() {
	if !c.away.Swap(false) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range c.waiting {
		t.Stop()
	}
	c.waiting = nil
}

// listener returns the process that listens at the other end (unix(7), SO_PEERCRED), or 0 if it is not known.
func listener(conn net.Conn) (pid int) {
	u, ok := conn.(*net.UnixConn)
	if !ok {
		return 0
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return 0
	}
	_ = raw.Control(func(fd uintptr) {
		if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			pid = int(cred.Pid)
		}
	})
	return pid
}

// running tells whether a process exists. It returns true if that is not known, because /proc is not mounted.
func running(pid int) bool {
	_, err := os.Stat("/proc/" + strconv.Itoa(pid))
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return true
	}
	_, err = os.Stat("/proc/self")
	return err != nil
}

// dialWatched connects directly and calls watchAway.
func (c *Client) dialWatched(ctx context.Context) (net.Conn, error) {
	conn, err := c.dialDirect(ctx, c.address)
	if err == nil && c.network == "unix" {
		c.watchAway(conn)
	}
	return conn, err
}
