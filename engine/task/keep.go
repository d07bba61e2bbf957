package task

import (
	"context"
	"errors"
	"net"
	"os"
	"time"
)

// Lease shows the keeper that the daemon is alive: while it is open, nobody else gets the sockets given away with
// Keep.
type Lease struct{ conn *net.UnixConn }

// Keep gives the keeper copies of sockets, replacing those that it has. They stay open until the lease is given up.
// If the daemon ends instead, they stay for a while, so that the next one can take them. The caller still owns files.
func (c *Client) Keep(ctx context.Context, names []string, files []*os.File) (*Lease, error) {
	conn, err := c.open(ctx, Request{Verb: VerbKeep, Names: names}, files)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now()) })
	defer stop()
	var r Reply
	got, err := Receive(conn, &r)
	CloseAll(got)
	if err == nil {
		err = r.Err()
	}
	if err != nil {
		_ = conn.SetDeadline(time.Time{})
		(&Lease{conn}).GiveUp() // the keeper may still process the request
		return nil, err
	}
	return &Lease{conn}, nil
}

// Wait returns when the keeper has lost the sockets because it was swapped or has ended. When ctx ends, Wait returns
// at once and the sockets stay kept.
func (l *Lease) Wait(ctx context.Context) {
	stop := context.AfterFunc(ctx, func() { _ = l.conn.SetReadDeadline(time.Now()) })
	defer stop()
	_, _ = l.conn.Read(make([]byte, 1)) // the keeper never writes
}

// Close acts like the end of the daemon: the sockets stay for the next one.
func (l *Lease) Close() { l.conn.Close() }

// GiveUp makes the keeper close its copies now.
func (l *Lease) GiveUp() {
	_, _ = l.conn.Write([]byte{0}) // fails if the keeper is gone, and then it has no copies
	l.conn.Close()
}

// Take returns the sockets that an ended daemon gave to the keeper: errdefs.ErrNotFound if there are none,
// errdefs.ErrConflict if that daemon is alive. The caller owns the files.
func (c *Client) Take(ctx context.Context) (names []string, files []*os.File, err error) {
	limit := time.Now().Add(swapWait)
	for {
		names, files, err = c.takeOnce(ctx)
		if !errors.Is(err, errRetry) || time.Now().After(limit) || ctx.Err() != nil {
			return names, files, err
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func (c *Client) takeOnce(ctx context.Context) (names []string, files []*os.File, err error) {
	conn, err := c.open(ctx, Request{Verb: VerbTake}, nil)
	if err != nil {
		return nil, nil, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now()) })
	defer stop()
	var r Reply
	files, err = Receive(conn, &r)
	switch {
	case err != nil:
	case r.Class == RetryClass:
		err = errRetry
	default:
		err = r.Err()
	}
	if err != nil {
		CloseAll(files)
		return nil, nil, err
	}
	return r.Names, files, nil
}
