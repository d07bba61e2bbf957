package task

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// keeperAt is a keeper at socket that handles each connection by serve, which gets the connection's number.
func keeperAt(t *testing.T, socket string, serve func(n int, conn *net.UnixConn)) {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	t.Cleanup(func() {
		l.Close()
		serving.Wait()
	})
	serving.Go(func() {
		for n := 1; ; n++ {
			conn, err := l.AcceptUnix()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer conn.Close()
				serve(n, conn)
			})
		}
	})
}

// request reads a client's request, which is empty if the client is gone.
func request(conn *net.UnixConn) (q Request, files []*os.File) {
	files, _ = Receive(conn, &q)
	return q, files
}

func retry() Reply {
	return Reply{Version: ProtocolVersion, Class: RetryClass, Error: "keeper is being swapped"}
}

// TestSentAgain checks that a request that a keeper has not begun is sent again, with its descriptors, and that one
// that it may have begun is an error instead.
func TestSentAgain(t *testing.T) {
	for _, row := range []struct {
		what  string
		first func(conn *net.UnixConn)
		calls int // how often Exec is sent
		want  string
	}{
		{"answered", nil, 1, ""},
		{"being swapped", func(conn *net.UnixConn) {
			_, files := request(conn)
			CloseAll(files)
			_ = Send(conn, retry())
		}, 2, ""},
		{"executed in place before it read", func(conn *net.UnixConn) {}, 2, ""},
		{"ended after it had read", func(conn *net.UnixConn) {
			_, files := request(conn)
			CloseAll(files)
		}, 1, "keeper ended during exec"},
		{"half an answer", func(conn *net.UnixConn) {
			_, files := request(conn)
			CloseAll(files)
			_, _ = conn.Write([]byte{0, 0, 1, 0, '{'})
		}, 1, "keeper ended during exec"},
		{"an answer that is none", func(conn *net.UnixConn) {
			_, files := request(conn)
			CloseAll(files)
			_, _ = conn.Write([]byte{0, 0, 0, 2, 'n', 'o'})
		}, 1, "keeper ended during exec"},
		{"refused", func(conn *net.UnixConn) {
			_, files := request(conn)
			CloseAll(files)
			_ = Send(conn, Fail(fmt.Errorf("container x: %w", errdefs.ErrNotFound)))
		}, 1, "container x: not found"},
	} {
		socket := filepath.Join(t.TempDir(), "s")
		var calls atomic.Int32
		keeperAt(t, socket, func(n int, conn *net.UnixConn) {
			calls.Add(1)
			if n == 1 && row.first != nil {
				row.first(conn)
				return
			}
			q, files := request(conn)
			for _, f := range files {
				fmt.Fprint(f, q.Exec)
			}
			CloseAll(files)
			_ = Send(conn, Reply{Version: ProtocolVersion, Pid: 42})
		})
		readers, writers := pipes(t, 1)
		pid, err := Dial(socket).Task("c").Exec(context.Background(), Exec{ID: "e", Attach: []Attach{{}}}, writers)
		if (err == nil) != (row.want == "") || err != nil && !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v; want %q", row.what, err, row.want)
		}
		if err == nil && pid != 42 || int(calls.Load()) != row.calls {
			t.Errorf("%s: process %d after %d calls, want %d", row.what, pid, calls.Load(), row.calls)
		}
		// The keeper owns the descriptor in any case: nobody here has it open.
		if said, readErr := io.ReadAll(readers[0]); readErr != nil || err == nil && string(said) != "e" {
			t.Errorf("%s: the stream says %q, %v", row.what, said, readErr)
		}
	}
}

// TestLaunchAnswers checks that a launch must be answered with one container, and which verb it uses.
func TestLaunchAnswers(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	verbs := make(chan string, 9)
	standIn(t, socket, func(q Request) *Reply {
		verbs <- q.Verb
		r := Reply{Version: ProtocolVersion, Status: []Status{{ID: q.ID, Pid: 7}}}
		if q.ID == "none" {
			r.Status = nil
		}
		return &r
	})
	c := Dial(socket)
	for _, row := range []struct{ id, runtime, verb string }{
		{"a", "", VerbLaunch}, {"b", Box, VerbLaunch}, {"c", Runc, VerbLaunchBy}, {"none", Box, VerbLaunch},
	} {
		s, err := c.Launch(context.Background(), Launch{ID: row.id, Runtime: row.runtime}, nil)
		switch verb := <-verbs; {
		case verb != row.verb:
			t.Errorf("%s by %q is asked for by %s", row.id, row.runtime, verb)
		case row.id == "none" && !errors.Is(err, errdefs.ErrDataLoss):
			t.Errorf("an answer without a container: %v", err)
		case row.id != "none" && (err != nil || s.Pid != 7 || s.ID != row.id):
			t.Errorf("%s: %+v, %v", row.id, s, err)
		}
	}
}

// TestRequests checks that each call's arguments are in its request.
func TestRequests(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	got := make(chan Request, 1)
	standIn(t, socket, func(q Request) *Reply {
		got <- q
		return &Reply{Version: ProtocolVersion, Build: "b", Pid: 9, Description: &Description{Pids: []int{1, 2}}}
	})
	ctx, c := context.Background(), Dial(socket)
	limit := int64(64)
	task := c.Task("id")
	for _, row := range []struct {
		call func() error
		is   func(q Request) bool
	}{
		{func() error { return task.Resize(ctx, "e", 80, 24) }, func(q Request) bool {
			return q.Verb == VerbResize && q.Exec == "e" && q.Width == 80 && q.Height == 24
		}},
		{func() error { return task.Signal(ctx, "", unix.SIGTERM, true) }, func(q Request) bool {
			return q.Verb == VerbSignal && q.Signal == 15 && q.All && q.Exec == ""
		}},
		{func() error {
			return task.Update(ctx, &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: &limit}})
		}, func(q Request) bool {
			return q.Verb == VerbUpdate && *q.Resources.Memory.Limit == 64
		}},
		{func() error { return task.Pause(ctx) }, func(q Request) bool { return q.Verb == VerbPause }},
		{func() error { return task.Resume(ctx) }, func(q Request) bool { return q.Verb == VerbResume }},
		{func() error { return task.Forget(ctx, "e") }, func(q Request) bool {
			return q.Verb == VerbForget &&
				q.Exec == "e"
		}},
		{func() error {
			d, err := task.Describe(ctx)
			if len(d.Pids) != 2 {
				t.Errorf("described as %+v", d)
			}
			return err
		}, func(q Request) bool { return q.Verb == VerbDescribe }},
	} {
		err := row.call()
		if q := <-got; err != nil || !row.is(q) || q.ID != "id" || q.Version != ProtocolVersion {
			t.Errorf("%+v: %v", q, err)
		}
	}
	if build, pid, err := c.Hello(ctx); build != "b" || pid != 9 || err != nil {
		t.Errorf("hello: %q, %d, %v", build, pid, err)
	}
}

// TestWatchGoesOn checks that exits come in order, across a swap of the keeper and a broken connection, and that
// exits told again by a keeper that lives are passed on. Watch ends with the keeper or ctx.
func TestWatchGoesOn(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	var watches atomic.Int32
	lost := make(chan struct{})
	exit := func(n int) Reply {
		return Reply{Version: ProtocolVersion, Exit: &Exit{Container: fmt.Sprint(n), Code: n}}
	}
	keeperAt(t, socket, func(_ int, conn *net.UnixConn) {
		q, _ := request(conn)
		if q.Verb == VerbHello {
			select {
			case <-lost: // without an answer
			default:
				_ = Send(conn, Reply{Version: ProtocolVersion, Build: "b"})
			}
			return
		}
		switch watches.Add(1) {
		case 1:
			_ = errors.Join(Send(conn, exit(1)), Send(conn, exit(2)), Send(conn, retry()))
		case 2:
			_ = Send(conn, exit(2)) // and the connection ends, as by execve(2)
		case 3:
			_ = errors.Join(Send(conn, Reply{Version: ProtocolVersion}), Send(conn,
				exit(3))) // an empty reply is skipped
			close(lost)
		}
	})
	var told []int
	err := Dial(socket).Watch(context.Background(), func(x Exit) { told = append(told, x.Code) })
	if !errdefs.IsUnavailable(err) || !slices.Equal(told, []int{1, 2, 2, 3}) {
		t.Errorf("told of %v, then %v", told, err)
	}
}

// TestWatchEnds checks that Watch ends with its context, and if nobody listens.
func TestWatchEnds(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	ctx, cancel := context.WithCancel(context.Background())
	keeperAt(t, socket, func(_ int, conn *net.UnixConn) {
		request(conn)
		cancel()
		_, _ = conn.Read(make([]byte, 1)) // until the client has hung up
	})
	if err := Dial(socket).Watch(ctx, func(Exit) { t.Error("an exit that nobody sent") }); !errors.Is(err,
		context.Canceled) {
		t.Error(err)
	}
	if err := Dial(filepath.Join(t.TempDir(), "nobody")).Watch(context.Background(), nil); !errdefs.IsUnavailable(err) {
		t.Errorf("nobody listens: %v", err)
	}
}

// TestCancelled checks that a call ends with its context, also while the keeper is silent or being swapped.
func TestCancelled(t *testing.T) {
	for _, swapping := range []bool{false, true} {
		socket := filepath.Join(t.TempDir(), "s")
		ctx, cancel := context.WithCancel(context.Background())
		keeperAt(t, socket, func(n int, conn *net.UnixConn) {
			request(conn)
			if swapping && n < 5 {
				_ = Send(conn, retry())
				return
			}
			cancel()
			if swapping {
				_ = Send(conn, retry())
			}
			_, _ = conn.Read(make([]byte, 1))
		})
		began := time.Now()
		if err := Dial(socket).Task("x").Pause(ctx); err == nil || time.Since(began) > swapWait/2 {
			t.Errorf("swapping %v: %v after %v", swapping, err, time.Since(began))
		}
	}
}

// TestKeepAndTake checks that kept sockets come back with their names, that a keeper's refusal is returned, and that
// a keeper that is being swapped is asked again.
func TestKeepAndTake(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	var takes atomic.Int32
	over := make(chan string, 1)
	keeperAt(t, socket, func(_ int, conn *net.UnixConn) {
		q, files := request(conn)
		defer CloseAll(files)
		switch {
		case q.Verb == VerbKeep && q.Names[0] == "refused":
			_ = Send(conn, Fail(fmt.Errorf("another daemon's sockets are kept here: %w", errdefs.ErrConflict)))
		case q.Verb == VerbKeep:
			_ = Send(conn, Reply{Version: ProtocolVersion})
			n, err := conn.Read(make([]byte, 1))
			over <- fmt.Sprint(n, err)
		case takes.Add(1) == 1:
			_ = Send(conn, retry())
		case takes.Load() == 2:
			r, w, err := os.Pipe()
			if err != nil {
				t.Error(err)
			}
			_ = Send(conn, Reply{Version: ProtocolVersion, Names: []string{"api"}}, w)
			CloseAll([]*os.File{r, w})
		default:
			_ = Send(conn, Fail(fmt.Errorf("no sockets are kept: %w", errdefs.ErrNotFound)))
		}
	})
	ctx, c := context.Background(), Dial(socket)
	_, files := pipes(t, 1)
	if _, err := c.Keep(ctx, []string{"refused"}, files); !errdefs.IsConflict(err) {
		t.Errorf("refused: %v", err)
	}
	for want, end := range map[string]func(*Lease){"0 EOF": (*Lease).Close, "1 <nil>": (*Lease).GiveUp} {
		lease, err := c.Keep(ctx, []string{"api"}, files)
		if err != nil {
			t.Fatal(err)
		}
		soon, cancel := context.WithCancel(ctx)
		cancel()
		lease.Wait(soon) // returns at once, and the lease continues
		end(lease)
		if got := <-over; got != want {
			t.Errorf("the keeper reads %s, want %s", got, want)
		}
	}
	names, got, err := c.Take(ctx)
	CloseAll(got)
	if err != nil || !slices.Equal(names, []string{"api"}) || len(got) != 1 {
		t.Errorf("took %v, %d descriptors, %v", names, len(got), err)
	}
	if _, _, err := c.Take(ctx); !errdefs.IsNotFound(err) {
		t.Errorf("took what is not there: %v", err)
	}
}

// TestStream checks that bytes flow both ways, and that closing keeps the far end open if it was handed over.
func TestStream(t *testing.T) {
	s, err := NewStream(Attach{Stdout: true})
	if err != nil {
		t.Fatal(err)
	}
	far := s.Hand()
	fmt.Fprint(far, "out")
	fmt.Fprint(s.Near, "in")
	b := make([]byte, 9)
	if n, err := s.Near.Read(b); string(b[:n]) != "out" {
		t.Errorf("%q, %v", b[:n], err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if got, err := io.ReadAll(far); string(got) != "in" || err != nil { // still open
		t.Errorf("%q, %v", got, err)
	}
	far.Close()
	kept, err := NewStream(Attach{})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(kept.Close()); err != nil {
		t.Error(err)
	}
	if _, err := kept.far.Write([]byte("x")); !errors.Is(err, os.ErrClosed) {
		t.Errorf("an end that nobody took stays open: %v", err)
	}
}

// TestRuntimeNames checks that each name that a user may give leads to a runtime, and that others do not.
func TestRuntimeNames(t *testing.T) {
	for _, name := range Runtimes() {
		if r, known := Runtime(name); !known || r != Box && r != Runc {
			t.Errorf("%s is %q, %v", name, r, known)
		}
	}
	for _, name := range []string{"", "BOX", "crun", "io.containerd.runc.v1", "runc ", "../runc"} {
		if r, known := Runtime(name); known || r != "" {
			t.Errorf("%q is %q", name, r)
		}
	}
}
