package wire

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// takenWait bounds how long Taken waits.
const takenWait = 200 * time.Millisecond

// Taken waits until the other side has read what was written, but not long: there are clients that read the head of a
// reply through a buffer and what follows past it, and lose what came along with the head. Only unix sockets can tell
// (unix(7), SIOCOUTQ); over TLS no read gives more than one write, and in TCP nothing is known.
func (c *Conn) Taken() {
	raw, ok := c.Conn.(syscall.Conn)
	if !ok || c.LocalAddr().Network() != "unix" {
		return
	}
	rc, err := raw.SyscallConn()
	if err != nil {
		return
	}
	pause := 20 * time.Microsecond
	for end := time.Now().Add(takenWait); time.Now().Before(end); pause += pause / 2 {
		left := 0
		ctlErr := rc.Control(func(fd uintptr) { left, err = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ) })
		if ctlErr != nil || err != nil || left == 0 {
			return
		}
		time.Sleep(pause)
	}
}
