// Package remote holds what log drivers share that send lines to a server or another program: the connection, which
// may be interrupted at any byte and handed to another process, and Docker's addresses.
package remote

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"box/engine/logs/driver"
)

// Driver is a driver that sends lines away. Opening it does not connect.
type Driver interface {
	driver.Driver
	// Server returns the connection that Log sends over.
	Server() *Connection
}

// Connection is the connection to a server for lines. It reconnects when it breaks.
type Connection struct {
	Dial  func(ctx context.Context) (net.Conn, error)
	Tries int                          // attempts to send a message before it is lost
	Pause func(try int) time.Duration  // before the next attempt; nil: none
	Lazy  bool                         // start even if the server does not answer
	Queue int                          // bytes of lines that may wait while Write returns; 0: Write waits
	Renew time.Duration                // reconnect after this time; 0: never
	Reply func(c net.Conn) error       // reads the server's answer to a message; nil: there is none
	Large func(net.Conn, []byte) error // sends what is too long for a datagram; nil: it is lost

	mu     sync.Mutex // guards the fields below, and is only held briefly
	conn   net.Conn
	since  time.Time
	unsent []byte // rest of a message that was partly sent when a context ended
}

// dialWait bounds how long connecting to a server may take.
const dialWait = 10 * time.Second

// Connect connects to the server.
func (c *Connection) Connect(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, dialWait)
	defer cancel()
	conn, err := c.Dial(ctx)
	if err != nil {
		return err
	}
	c.use(conn)
	return nil
}

func (c *Connection) use(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conn, c.since = conn, time.Now()
}

// drop closes a useless connection; the rest of a partly sent message is lost.
func (c *Connection) drop() {
	c.mu.Lock()
	old := c.conn
	c.conn, c.unsent = nil, nil
	c.mu.Unlock()
	if old != nil {
		_ = old.Close() // may take a while over TLS
	}
}

// Close closes the connection; the rest of a partly sent message is lost.
func (c *Connection) Close() error {
	c.drop()
	return nil
}

// Send sends a message. If it returns the error of ctx, the message was not taken. If part of a message was sent
// before ctx ended, it counts as taken, and the rest goes out with the next one.
func (c *Connection) Send(ctx context.Context, b []byte) error {
	if c.Renew > 0 && c.conn != nil && time.Since(c.since) > c.Renew {
		c.drop()
	}
	for try := 1; ; try++ {
		var err error
		if c.conn == nil {
			err = c.Connect(ctx)
		}
		if err == nil {
			if err = c.put(ctx, b); err == nil {
				return nil
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		c.drop()
		if try >= c.Tries {
			return err
		}
		if c.Pause == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(c.Pause(try)):
		}
	}
}

// put sends a message over the existing connection.
func (c *Connection) put(ctx context.Context, b []byte) error {
	_ = c.conn.SetDeadline(time.Time{})
	conn := c.conn
	cut := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_ = conn.SetDeadline(time.Unix(1, 0))
		close(cut)
	})
	defer func() {
		if !stop() {
			<-cut
		}
	}()
	if len(c.unsent) > 0 {
		if err := c.write(ctx, c.unsent); err != nil {
			return err
		}
		if len(c.unsent) > 0 {
			return ctx.Err() // interrupted again
		}
	}
	if err := c.write(ctx, b); err != nil {
		return err
	}
	if c.Reply == nil {
		return nil
	}
	err := c.Reply(conn)
	if err != nil {
		c.drop() // a late answer must not be taken for another message's
	}
	return err
}

// write sends b. If ctx interrupts it, a partly sent message counts as sent and its rest is kept; except over TLS,
// which cannot continue after that, and for messages that are answered as a whole.
func (c *Connection) write(ctx context.Context, b []byte) error {
	n, err := c.conn.Write(b)
	if errors.Is(err, syscall.EMSGSIZE) && c.Large != nil {
		err = c.Large(c.conn, b)
	}
	if err == nil {
		c.keep(nil)
		return nil
	}
	if ctx.Err() == nil {
		return err
	}
	_, secure := c.conn.(*tls.Conn)
	switch {
	case secure, c.Reply != nil && n > 0:
		c.drop()
	case n > 0 || len(c.unsent) > 0:
		c.keep(b[n:])
		return nil
	}
	return err
}

func (c *Connection) keep(rest []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unsent = bytes.Clone(rest)
}

// State returns what another process needs to continue: the connection, nil if there is none that can be handed over,
// and the unsent rest of a message.
func (c *Connection) State() (syscall.Conn, []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	conn, ok := c.conn.(syscall.Conn) // not so over TLS
	if !ok {
		return nil, nil
	}
	return conn, c.unsent
}

// Adopt takes over a connection from another process.
func (c *Connection) Adopt(f *os.File, unsent []byte) error {
	defer f.Close()
	conn, err := net.FileConn(f)
	if err != nil {
		return fmt.Errorf("take over a connection for logs: %w", err)
	}
	c.use(conn)
	c.keep(unsent)
	return nil
}

// Growing returns pauses that grow by half each time, up to a minute.
func Growing(first time.Duration) func(int) time.Duration {
	const longest = time.Minute
	return func(try int) time.Duration {
		// Use floating point, since a Duration would overflow.
		return time.Duration(min(float64(longest), float64(first)*math.Pow(1.5, float64(try-1))))
	}
}

// Dialer returns a function that connects to an address.
func Dialer(network, address string) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, address)
	}
}

// Severities of RFC 5424, section 6.2.1.
const (
	severityError = 3
	severityInfo  = 6
)

// Severity returns how severe a stream's lines are for servers that want to know.
func Severity(s driver.Stream) int {
	if s == driver.Stderr {
		return severityError
	}
	return severityInfo
}
