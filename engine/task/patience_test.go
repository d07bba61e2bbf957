package task

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"
)

// impatient shortens the waits during a test.
func impatient(t *testing.T) {
	t.Helper()
	answer, short := answerWait, shortLimit
	answerWait, shortLimit = 50*time.Millisecond, 300*time.Millisecond
	t.Cleanup(func() { answerWait, shortLimit = answer, short })
}

// standIn is a keeper that answers by calling answer, which may take its time; if the reply is nil, the request stays
// open.
func standIn(t *testing.T, socket string, answer func(Request) *Reply) {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.AcceptUnix()
			if err != nil {
				return
			}
			go func() {
				var q Request
				if _, err := Receive(conn, &q); err != nil {
					conn.Close()
					return
				}
				if r := answer(q); r != nil {
					_ = Send(conn, *r)
					conn.Close()
				}
			}()
		}
	}()
}

// TestSilence checks that every request to a keeper that hangs ends with an error that names the request and the
// process.
func TestSilence(t *testing.T) {
	impatient(t)
	socket := filepath.Join(t.TempDir(), "s")
	standIn(t, socket, func(Request) *Reply { return nil })
	var told atomic.Int32
	c := Dial(socket)
	c.Silent = func(error) { told.Add(1) }
	ctx := context.Background()
	calls := map[string]func() error{
		VerbHello:    func() error { _, _, err := c.Hello(ctx); return err },
		VerbLaunch:   func() error { _, err := c.Launch(ctx, Launch{}, nil); return err },
		VerbLaunchBy: func() error { _, err := c.Launch(ctx, Launch{Runtime: Runc}, nil); return err },
		VerbFind:     func() error { _, err := c.Find(ctx); return err },
		VerbHold:     func() error { return c.Hold(ctx, "x", nil, nil) },
		VerbDrop:     func() error { return c.Drop(ctx, "x") },
		VerbSwap:     func() error { return c.Swap(ctx, "x") },
		VerbQuit:     func() error { return c.Quit(ctx) },
		VerbExec:     func() error { _, err := c.Task("x").Exec(ctx, Exec{}, nil); return err },
		VerbResize:   func() error { return c.Task("x").Resize(ctx, "", 1, 1) },
		VerbSignal:   func() error { return c.Task("x").Signal(ctx, "", unix.SIGTERM, false) },
		VerbPause:    func() error { return c.Task("x").Pause(ctx) },
		VerbResume:   func() error { return c.Task("x").Resume(ctx) },
		VerbUpdate:   func() error { return c.Task("x").Update(ctx, nil) },
		VerbDescribe: func() error { _, err := c.Task("x").Describe(ctx); return err },
		VerbForget:   func() error { return c.Task("x").Forget(ctx, "") },
	}
	for verb, call := range calls {
		began := time.Now()
		err := call()
		if text := fmt.Sprintf("keeper (process %d) has not answered %s within", os.Getpid(),
			strings.Split(verb, "-")[0]); !errdefs.IsUnavailable(err) || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v; want %q", verb, err, text)
		}
		if took := time.Since(began); took > 30*time.Second {
			t.Errorf("%s: %v", verb, took)
		}
	}
	if n := int(told.Load()); n != len(calls)-1 { // all but hello report the silence
		t.Errorf("told %d of %d times", n, len(calls)-1)
	}
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	if err := c.Responds(short); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("(process %d)", os.Getpid())) {
		t.Errorf("responds: %v", err)
	}
}

// TestPatience checks that a slow start is waited for while the keeper is alive, and that other requests have their
// limit.
func TestPatience(t *testing.T) {
	impatient(t)
	socket := filepath.Join(t.TempDir(), "s")
	standIn(t, socket, func(q Request) *Reply {
		if q.Verb != VerbHello {
			time.Sleep(20 * answerWait)
		}
		return &Reply{Status: []Status{{}}}
	})
	c := Dial(socket)
	if _, err := c.Launch(context.Background(), Launch{}, nil); err != nil {
		t.Errorf("slow start: %v", err)
	}
	if err := c.Responds(context.Background()); err != nil {
		t.Error(err)
	}
	var s *silence
	if err := c.Task("x").Pause(context.Background()); !errors.As(err, &s) || s.wait < shortLimit {
		t.Errorf("slow pause: %v", err)
	}
}

// TestReplaced checks that a start waits for a keeper that does not listen yet, and that other requests fail at once.
func TestReplaced(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	c := Dial(socket)
	if err := c.Task("x").Pause(context.Background()); !errdefs.IsUnavailable(err) {
		t.Errorf("pause: %v", err)
	}
	started := make(chan error, 1)
	go func() {
		_, err := c.Launch(context.Background(), Launch{}, nil)
		started <- err
	}()
	select {
	case err := <-started:
		t.Fatalf("start without a keeper: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	standIn(t, socket, func(Request) *Reply { return &Reply{Status: []Status{{}}} })
	select {
	case err := <-started:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Fatal("the start goes on waiting")
	}
}

// TestUnread checks that a request left unread by a keeper that ends goes to the next one.
func TestUnread(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	started := make(chan error, 1)
	go func() {
		_, err := Dial(socket).Launch(context.Background(), Launch{}, nil)
		started <- err
	}()
	time.Sleep(50 * time.Millisecond) // long enough to send; if not, the next keeper gets it anyway
	l.Close()
	standIn(t, socket, func(Request) *Reply { return &Reply{Status: []Status{{}}} })
	select {
	case err := <-started:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Fatal("the start goes on waiting")
	}
}
