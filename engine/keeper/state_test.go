package keeper

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"box/engine/runtime"
	"box/engine/task"
)

// TestCheckState checks that an executable refuses a state that it does not fully understand, before anything is
// handed over.
func TestCheckState(t *testing.T) {
	known := map[string]runtime.Runtime{task.Box: &children{}}
	for text, want := range map[string]string{
		`{"Version":2}`: "",
		`{"Version":2,"New":"field","Containers":[]}`:                     "",
		`{"Version":2,"Containers":[{"ID":"c","Runtime":{}}]}`:            "",
		`{"Version":3,"Containers":[{"ID":"c","By":"box","Runtime":{}}]}`: "",
		`{"Version":3,"Containers":[{"ID":"c","By":"other"}]}`:            "container c is of runtime other, which",
		`{"Version":4}`:                    "state of the keeper has version 4, this executable knows 2 and 3",
		`{"Version":1}`:                    "state of the keeper has version 1",
		`{}`:                               "state of the keeper has version 0",
		``:                                 "read state of the keeper: EOF",
		`{"Version":2`:                     "read state of the keeper: unexpected EOF",
		`[1]`:                              "read state of the keeper: json:",
		`{"Version":2,"Containers":"all"}`: "read state of the keeper: json:",
	} {
		err := CheckState(strings.NewReader(text), known)
		if (err == nil) != (want == "") || err != nil && !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v; want %q", text, err, want)
		}
	}
}

// TestSavedState checks that all that a keeper owns is in its state, each descriptor by an open number, and can be
// read back.
func TestSavedState(t *testing.T) {
	n := startNursery(t)
	ctx := context.Background()
	_, err := n.launch("runs", "exec sleep 1000")
	must(t, err)
	s, err := task.NewStream(task.Attach{Stdin: true, Stdout: true})
	must(t, err)
	defer s.Close()
	_, err = n.client.Launch(ctx, task.Launch{ID: "attached", Spec: script("cat"), Stdin: true,
		Attach: []task.Attach{s.Opts}},
		[]*os.File{s.Hand()})
	must(t, err)
	must(t, n.client.Task("runs").Pause(ctx))
	_, err = n.client.Task("runs").Exec(ctx, task.Exec{ID: "over", Process: script("exit 5").Process}, nil)
	must(t, err)
	n.exit("runs", "over")
	r, w, err := os.Pipe()
	must(t, err)
	defer r.Close()
	must(t, n.client.Hold(ctx, "port", []*os.File{w}, []netip.AddrPort{{}}))
	w.Close()

	saved, fds, err := n.k.save(order{})
	must(t, err)
	for _, fd := range fds {
		if _, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(fd)); err != nil {
			t.Errorf("descriptor %d: %v", fd, err)
		}
	}
	raw, err := json.Marshal(saved)
	must(t, err)
	st, err := readState(bytes.NewReader(raw))
	must(t, err)
	if st.Version != stateVersion || st.Dir != n.dir || len(st.Containers) != 2 || len(st.Held) != 1 ||
		len(st.Exits) != 1 {
		t.Fatalf("%s", raw)
	}
	if x := st.Exits[0]; x.Exec != "over" || x.Code != 5 {
		t.Errorf("exit %+v", x)
	}
	if h := st.Held[0]; h.Key != "port" || len(h.FDs) != 1 || len(h.Forward) != 1 {
		t.Errorf("held %+v", h)
	}
	for _, c := range st.Containers {
		m := c.Main
		switch {
		case c.ID == "runs" && (!c.Paused || len(c.Execs) != 1 || c.Execs[0].Exit == nil || m.InFD != 0 ||
			len(m.Attached) != 0 || m.Log == nil):
			t.Errorf("%+v", c)
		case c.ID == "attached" && (c.Paused || m.InFD == 0 || len(m.Attached) != 1 || !m.Attached[0].Options.Stdin ||
			m.Log != nil):
			t.Errorf("%+v", c)
		case m.Pid == 0 || m.Exit != nil || len(m.Out) != 2 || len(c.Execs) > 0 && len(c.Execs[0].Out) > 0:
			t.Errorf("%s: %+v", c.ID, m)
		}
	}
	must(t, CheckState(bytes.NewReader(raw), n.k.o.Runtimes))
	if err := CheckState(bytes.NewReader(raw[:len(raw)/2]), n.k.o.Runtimes); err == nil || errors.Is(err, errInvalid) {
		t.Errorf("half a state: %v", err)
	}
}

// TestLookedAtWhileAClientSleeps checks that a client that does not read holds up only its own program. Saving the
// state, as before a swap, and other requests do not wait for it.
func TestLookedAtWhileAClientSleeps(t *testing.T) {
	n := startNursery(t)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	s, err := task.NewStream(task.Attach{Stdout: true})
	must(t, err)
	defer s.Close()
	_, err = n.client.Launch(ctx, task.Launch{
		ID: "c", Spec: script("while :; do echo some words again and again; done"), Attach: []task.Attach{s.Opts},
	}, []*os.File{s.Hand()})
	must(t, err)
	c, _, err := n.k.find("c", "")
	must(t, err)
	a := c.main.attached[0]
	n.eventually("a write that waits", func() bool {
		if a.turn.TryLock() {
			a.turn.Unlock()
			return false
		}
		time.Sleep(20 * time.Millisecond) // try twice, so that it is not a write that succeeds
		if a.turn.TryLock() {
			a.turn.Unlock()
			return false
		}
		return true
	})
	looked := make(chan error, 1)
	go func() {
		_, _, err := n.k.save(order{})
		looked <- err
	}()
	select {
	case err := <-looked:
		must(t, err)
	case <-ctx.Done():
		t.Error("a look at the state waits for the client")
	}
	if _, err := n.client.Find(ctx); err != nil {
		t.Errorf("other requests wait: %v", err)
	}
}
