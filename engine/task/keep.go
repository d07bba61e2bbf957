package task

import (
	"context"
	"errors"
	"net"
	"os"
	"time"
)

// Lease is how a daemon that lives tells the keeper so: sockets that it gave away with Keep are for nobody else
// before it ends.
type Lease struct{ conn *net.UnixConn }

// Keep gives the keeper copies of sockets, in the place of those that it has. They stay open while the lease is not
// given up, and when the daemon ends, for a while longer: until the next one takes them, or nobody came. The files
// stay the caller's.
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
		(&Lease{conn}).GiveUp() // the keeper may come to it yet
		return nil, err
	}
	return &Lease{conn}, nil
}

// Wait returns when the keeper lost the sockets: it was swapped, or ended. With the end of ctx it returns at once,
// and they stay kept.
func (l *Lease) Wait(ctx context.Context) {
	stop := context.AfterFunc(ctx, func() { _ = l.conn.SetReadDeadline(time.Now()) })
	defer stop()
	_, _ = l.conn.Read(make([]byte, 1)) // nothing is ever said
}

// Close is what the end of the daemon is: the sockets are for the next one.
func (l *Lease) Close() { l.conn.Close() }

// GiveUp has the keeper close its copies now.
func (l *Lease) GiveUp() {
	_, _ = l.conn.Write([]byte{0}) // a keeper that is gone has none
	l.conn.Close()
}

// Take gets what a daemon that is gone had the keeper keep; errdefs.ErrNotFound where there is nothing,
// errdefs.ErrConflict where the daemon lives. The files are the caller's.
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
