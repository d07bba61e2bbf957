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

// awayAfter is how long an answer may take before somebody is told that no daemon is there to give it.
const awayAfter = 500 * time.Millisecond

// watchAway notes that the process which listens on a unix socket has ended, while somebody else holds the socket for
// the next one: who connects then waits. The user is told by Options.Away when that takes a while.
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

// answered ends the waiting for a daemon.
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

// listener is the process that listens at the other end, 0 where that cannot be told (unix(7), SO_PEERCRED).
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

// running tells whether a process is there. Without /proc nothing is known, and it is taken to be.
func running(pid int) bool {
	_, err := os.Stat("/proc/" + strconv.Itoa(pid))
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return true
	}
	_, err = os.Stat("/proc/self")
	return err != nil
}

// dialWatched is a direct connection of which it is known whether a daemon is there.
func (c *Client) dialWatched(ctx context.Context) (net.Conn, error) {
	conn, err := c.dialDirect(ctx, c.address)
	if err == nil && c.network == "unix" {
		c.watchAway(conn)
	}
	return conn, err
}
