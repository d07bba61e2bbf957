package dockerd

import (
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// maxConnections of one tcp listener, idle ones too. Fewer where the process may not open that many files: what
// strangers open must not take the files that containers and the local socket need.
const maxConnections = 8192

// overflowNote is how often the log tells of connections that were turned away.
const overflowNote = 10 * time.Second

// limitedListener is a listener that turns away what comes beyond its limit.
type limitedListener struct {
	net.Listener
	limit int64
	log   *slog.Logger

	open  atomic.Int64
	last  time.Time // of the note; Accept is called by one goroutine
	turns int       // turned away since
}

func limitConnections(l net.Listener, log *slog.Logger) *limitedListener {
	limit := int64(maxConnections)
	var r unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &r) == nil && int64(r.Cur/2) < limit && r.Cur < 1<<40 {
		limit = int64(r.Cur / 2)
	}
	return &limitedListener{Listener: l, limit: limit, log: log}
}

// Accept waits for the next connection that has room.
func (c *limitedListener) Accept() (net.Conn, error) {
	for {
		conn, err := c.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if c.open.Add(1) <= c.limit {
			return &limitedConn{Conn: conn, listener: c}, nil
		}
		c.open.Add(-1)
		conn.Close()
		c.turns++
		if now := time.Now(); now.Sub(c.last) > overflowNote {
			c.log.Warn("connections turned away", "listener", c.Addr(), "limit", c.limit, "count", c.turns, "last",
				conn.RemoteAddr())
			c.last, c.turns = now, 0
		}
	}
}

// limitedConn is a connection that makes room when it is closed.
type limitedConn struct {
	net.Conn
	listener *limitedListener
	once     sync.Once
}

// Close closes the connection.
func (m *limitedConn) Close() error {
	m.once.Do(func() { m.listener.open.Add(-1) })
	return m.Conn.Close()
}

// CloseWrite ends one direction.
func (m *limitedConn) CloseWrite() error { return m.Conn.(*net.TCPConn).CloseWrite() }
