package wire

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// takenWait limits how long Taken waits.
const takenWait = 200 * time.Millisecond

// Taken waits a short time until the peer has read what was written. Some clients read the header of a reply through a
// buffer and then read from the connection itself, so they lose data that arrived together with the header. Only unix
// sockets tell what was read (unix(7), SIOCOUTQ). With TLS a read returns one write at most; for TCP nothing is known.
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
