package lifecycle

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"box/engine/state"
)

// TestWrite writes longer and shorter ones over each other: what is read is the last, and nothing is left beside it.
func TestWrite(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "status.json")
	for seq, length := range []int{10, 500, 0, 5000, 20, onePage, 30, onePage + 1, 1} {
		raw, err := json.Marshal(Status{Seq: uint64(seq), Error: strings.Repeat("x", length)})
		if err != nil {
			t.Fatal(err)
		}
		if err := write(nil, path, bytes.Clone(raw)); err != nil {
			t.Fatal(err)
		}
		have, err := os.ReadFile(path)
		var st Status
		if err != nil || json.Unmarshal(have, &st) != nil || st.Seq != uint64(seq) || len(st.Error) != length {
			t.Errorf("after a status of %d bytes there are %d: %v", len(raw), len(have), err)
		}
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
			t.Errorf("%d files (%v)", len(entries), err)
		}
	}
	if err := write(nil, filepath.Join(dir, "none", "status.json"), nil); !os.IsNotExist(err) {
		t.Errorf("in a folder that is not there: %v", err)
	}
}

// TestSaver: a status is in its file at once and in the state file after Flush, the newer of the two holds, and one
// of a container that was removed comes back from neither.
func TestSaver(t *testing.T) {
	db, err := state.Open(filepath.Join(t.TempDir(), "box.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s := NewSaver(t.TempDir(), nil, db, slog.Default())
	put := func(id string) {
		if err := db.Update(func(tx *state.Tx) error { return Records.Put(tx, id, Record{ID: id}) }); err != nil {
			t.Fatal(err)
		}
	}
	saved := func(id string) (st Status) {
		_ = db.View(func(tx *state.Tx) (err error) { st, err = Statuses.Get(tx, id); return err })
		return st
	}
	put("a")
	s.Save("a", Status{Seq: 1, Pid: 1})
	s.Save("a", Status{Seq: 2, Pid: 2})
	s.Save("removed", Status{Seq: 1})
	if got := s.Newest("a", Status{}); got.Pid != 2 || !s.Has("a") || saved("a").Seq != 0 {
		t.Error(got, saved("a"))
	}
	if err := s.Flush(); err != nil || saved("a").Pid != 2 || saved("removed").Seq != 0 {
		t.Error(err, saved("a"), saved("removed"))
	}
	if got := s.Newest("a", Status{Seq: 3, Pid: 3}); got.Pid != 3 {
		t.Error("the older one holds", got)
	}
	s.Drop("a")
	s.Drop("a")
	if got := s.Newest("a", Status{Pid: 9}); got.Pid != 9 || s.Has("a") {
		t.Error("it came back", got)
	}
	if err := os.WriteFile(s.path("b"), []byte("{cut"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := s.Newest("b", Status{Pid: 9}); got.Pid != 9 {
		t.Error("a damaged file holds", got)
	}
}

// TestFlushFails: what could not be saved is saved the next time, unless it is newer by then.
func TestFlushFails(t *testing.T) {
	db, err := state.Open(filepath.Join(t.TempDir(), "box.db"))
	if err != nil {
		t.Fatal(err)
	}
	s := NewSaver(t.TempDir(), nil, db, slog.Default())
	s.Save("a", Status{Seq: 1})
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Flush(); err == nil || s.unsaved["a"].Seq != 1 {
		t.Error(err, s.unsaved)
	}
}

// TestRun: what is saved comes into the state file by itself, and Run ends when it is told to.
func TestRun(t *testing.T) {
	db, err := state.Open(filepath.Join(t.TempDir(), "box.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s := NewSaver(t.TempDir(), nil, db, slog.Default())
	if err := db.Update(func(tx *state.Tx) error { return Records.Put(tx, "a", Record{ID: "a"}) }); err != nil {
		t.Fatal(err)
	}
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() { defer close(ended); s.Run(stop) }()
	s.Save("a", Status{Seq: 5})
	for until := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		var st Status
		_ = db.View(func(tx *state.Tx) (err error) { st, err = Statuses.Get(tx, "a"); return err })
		if st.Seq == 5 {
			break
		}
		if time.Now().After(until) {
			t.Fatal("not saved")
		}
	}
	close(stop)
	<-ended
}
