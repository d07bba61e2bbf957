package keeper

import (
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/containerd/errdefs"

	"box/engine/task"
)

// idleKeeper makes a keeper that does not read yet what is sent to its socket.
func idleKeeper(t *testing.T, socket string) *Keeper {
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	must(t, err)
	t.Cleanup(func() { l.Close() })
	k := &Keeper{o: Options{Listener: l, Log: slog.New(slog.DiscardHandler)}, orders: make(chan order)}
	k.exits.init()
	return k
}

// send sends a request to a keeper and does not wait for the answer.
func send(t *testing.T, socket string, q task.Request, files ...*os.File) *net.UnixConn {
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: socket, Net: "unix"})
	must(t, err)
	q.Version = task.ProtocolVersion
	must(t, task.Send(conn, q, files...))
	return conn
}

// TestTakesWhatWasSentBefore has daemons end, and others come, while their requests still wait for a keeper that is
// just being started. What the first gave belongs to the next. If the next is told that there is nothing, nobody
// listens any more.
func TestTakesWhatWasSentBefore(t *testing.T) {
	dir := t.TempDir()
	for _, gaveUp := range []bool{false, true} {
		for range 200 {
			socket, api := filepath.Join(dir, "keeper"), filepath.Join(dir, "api")
			k := idleKeeper(t, socket)
			l, err := net.ListenUnix("unix", &net.UnixAddr{Name: api, Net: "unix"})
			must(t, err)
			l.SetUnlinkOnClose(false)
			f, err := l.File()
			must(t, err)
			old := send(t, socket, task.Request{Verb: task.VerbKeep, Names: []string{"api"}}, f)
			if gaveUp {
				_, err = old.Write([]byte{0})
				must(t, err)
			}
			old.Close()
			f.Close()
			l.Close()
			next := send(t, socket, task.Request{Verb: task.VerbTake})
			stop := k.serve()
			var r task.Reply
			files, err := task.Receive(next, &r)
			must(t, err)
			there, _ := net.Dial("unix", api)
			switch {
			case gaveUp && errdefs.IsNotFound(r.Err()) && there == nil:
			case r.Err() != nil || !slices.Equal(r.Names, []string{"api"}) || len(files) != 1 || there == nil:
				t.Fatalf("the next daemon gets %v, %v, somebody listens: %v; given up: %v", r.Names, r.Err(), there != nil, gaveUp)
			}
			if there != nil {
				there.Close()
			}
			task.CloseAll(files)
			next.Close()
			stop()
			must(t, errors.Join(k.o.Listener.Close(), os.Remove(api)))
		}
	}
}
