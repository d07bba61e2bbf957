package dockerd

import (
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// maxConnections is the maximum number of connections of a tcp listener, including idle ones. It is lower if the limit
// of open files is low, so that remote clients cannot use up the files that containers and local clients need.
const maxConnections = 8192

// overflowNote is the minimum time between log messages about rejected connections.
const overflowNote = 10 * time.Second

// limitedListener is a listener with a maximum number of open connections. It closes further ones.
type limitedListener struct {
	net.Listener
	limit int64
	log   *slog.Logger

	open  atomic.Int64
	last  time.Time // time of the last message; only Accept uses it
	turns int       // connections rejected since then
}

func limitConnections(l net.Listener, log *slog.Logger) *limitedListener {
	limit := int64(maxConnections)
	var r unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &r) == nil && int64(r.Cur/2) < limit && r.Cur < 1<<40 {
		limit = int64(r.Cur / 2)
	}
	return &limitedListener{Listener: l, limit: limit, log: log}
}

// Accept returns the next connection within the limit.
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
			c.log.Warn("connections rejected", "listener", c.Addr(), "limit", c.limit, "count", c.turns, "last",
				conn.RemoteAddr())
			c.last, c.turns = now, 0
		}
	}
}

// limitedConn is a connection of a limitedListener.
type limitedConn struct {
	net.Conn
	listener *limitedListener
	once     sync.Once
}

// Close closes the connection, so that another one may be accepted.
func (m *limitedConn) Close() error {
	m.once.Do(func() { m.listener.open.Add(-1) })
	return m.Conn.Close()
}

// CloseWrite ends sending.
func (m *limitedConn) CloseWrite() error { return m.Conn.(*net.TCPConn).CloseWrite() }
