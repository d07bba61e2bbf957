package enginetest

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	api "github.com/moby/moby/api/types/container"
	"golang.org/x/sys/unix"

	"box/engine"
	"box/engine/request"
)

// logged appends lines to the log of a container, as the keeper writes them: a stream, a second, and a text.
func (r *rig) logged(id string, lines ...string) {
	r.t.Helper()
	f, err := os.OpenFile(filepath.Join(r.folder(id), id+"-json.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	must(r.t, err)
	defer f.Close()
	for _, l := range lines {
		part := strings.SplitN(l, " ", 3)
		raw, err := json.Marshal(map[string]any{"log": part[2], "stream": part[0],
			"time": "2026-01-01T00:00:" + part[1] + ".5Z", "attrs": map[string]string{"a": "b c"}})
		must(r.t, err)
		_, err = f.Write(append(raw, '\n'))
		must(r.t, err)
	}
}

// frames are what a client reads of a log that comes in frames: "1:" or "2:" and a text each.
func frames(t *testing.T, raw []byte) string {
	t.Helper()
	var out []string
	for len(raw) > 0 {
		if len(raw) < 8 || raw[1]|raw[2]|raw[3] != 0 || len(raw)-8 < int(binary.BigEndian.Uint32(raw[4:])) {
			t.Fatalf("no frame: %q", raw)
		}
		n := int(binary.BigEndian.Uint32(raw[4:]))
		out = append(out, fmt.Sprintf("%d:%s", raw[0], raw[8:8+n]))
		raw = raw[8+n:]
	}
	return strings.Join(out, "|")
}

// TestLogs: which lines of a log a client gets, and in which form.
func TestLogs(t *testing.T) {
	r := newRig(t, nil)
	id := r.create("web", nil)
	r.logged(id, "stdout 01 one\n", "stderr 02 two\n", "stdout 03 three\n", "stdout 04 part", "stdout 04 ial\n",
		"stderr 05 \n")
	both := engine.LogOptions{Stdout: true, Stderr: true, Tail: -1}
	with := func(edit func(*engine.LogOptions)) engine.LogOptions { o := both; edit(&o); return o }
	at := func(s int) time.Time { return time.Date(2026, 1, 1, 0, 0, s, 500_000_000, time.UTC) }
	for what, row := range map[string]struct {
		o    engine.LogOptions
		want string
	}{
		"all":           {both, "1:one\n|2:two\n|1:three\n|1:part|1:ial\n|2:\n"},
		"stdout":        {with(func(o *engine.LogOptions) { o.Stderr = false }), "1:one\n|1:three\n|1:part|1:ial\n"},
		"stderr":        {with(func(o *engine.LogOptions) { o.Stdout = false }), "2:two\n|2:\n"},
		"the last":      {with(func(o *engine.LogOptions) { o.Tail = 1 }), "2:\n"},
		"none":          {with(func(o *engine.LogOptions) { o.Tail = 0 }), ""},
		"more than all": {with(func(o *engine.LogOptions) { o.Tail = 100 }), "1:one\n|2:two\n|1:three\n|1:part|1:ial\n|2:\n"},
		"since":         {with(func(o *engine.LogOptions) { o.Since = at(3) }), "1:three\n|1:part|1:ial\n|2:\n"},
		"until":         {with(func(o *engine.LogOptions) { o.Until = at(2) }), "1:one\n|2:two\n"},
		"between":       {with(func(o *engine.LogOptions) { o.Since, o.Until = at(2), at(3) }), "2:two\n|1:three\n"},
		"a later time":  {with(func(o *engine.LogOptions) { o.Since = at(50) }), ""},
		"with times": {with(func(o *engine.LogOptions) { o.Timestamps, o.Tail = true, 1 }),
			"2:2026-01-01T00:00:05.500000000Z \n"},
		"with details": {with(func(o *engine.LogOptions) { o.Details, o.Until = true, at(1) }), "1:a=b+c one\n"},
	} {
		l, err := r.Logs("web", row.o)
		must(t, err)
		var out bytes.Buffer
		must(t, l.Copy(t.Context(), &out))
		if got := frames(t, out.Bytes()); got != row.want || l.Terminal {
			t.Errorf("%s: %q, want %q", what, got, row.want)
		}
	}
	l, err := r.Logs("web", with(func(o *engine.LogOptions) { o.Raw = true }))
	must(t, err)
	var out bytes.Buffer
	must(t, l.Copy(t.Context(), &out))
	if out.String() != "one\ntwo\nthree\npartial\n\n" {
		t.Errorf("%q", out.String())
	}
	gone := writerFunc(func([]byte) (int, error) { return 0, unix.EPIPE })
	if err := l.Copy(t.Context(), gone); !errors.Is(err, unix.EPIPE) {
		t.Errorf("a client that is gone: %v", err)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// TestLogsRefused: which logs cannot be read, and that one that was damaged is read as far as it goes.
func TestLogsRefused(t *testing.T) {
	r := newRig(t, nil)
	all := engine.LogOptions{Stdout: true, Stderr: true, Tail: -1}
	if _, err := r.Logs(r.create("web", nil), engine.LogOptions{}); !errdefs.IsInvalidArgument(err) ||
		!strings.Contains(err.Error(), "you must choose at least one stream") {
		t.Error(err)
	}
	r.create("silent", func(q *request.Create) { q.Host.LogConfig.Type = "none" })
	if _, err := r.Logs("silent", all); !errdefs.IsNotImplemented(err) ||
		!strings.Contains(err.Error(), "does not support reading") {
		t.Error(err)
	}
	for what, tail := range map[string]string{
		"a line of no log": "text\n", "zeros": strings.Repeat("\x00", 600) + "\n", "a list": "[1]\n",
		"a cut line": `{"log":"more","stre` + "\n", "an empty line": "\n", "no time": `{"log":"x"}` + "\n",
		"a number": `{"log":7,"stream":"stdout","time":"2026-01-01T00:00:02Z"}` + "\n",
	} {
		id := r.create("", nil)
		r.logged(id, "stdout 01 first\n")
		path := filepath.Join(r.folder(id), id+"-json.log")
		raw, err := os.ReadFile(path)
		must(t, err, os.WriteFile(path, append(raw, tail...), 0o600))
		r.logged(id, "stderr 03 last\n")
		l, err := r.Logs(id, all)
		must(t, err)
		var out bytes.Buffer
		must(t, l.Copy(t.Context(), &out))
		if got := frames(t, out.Bytes()); !strings.HasPrefix(got, "1:first\n") || !strings.HasSuffix(got, "2:last\n") {
			t.Errorf("%s: %q", what, got)
		}
	}
	// The last line may be on its way, and there may be none yet.
	id := r.create("", nil)
	l, err := r.Logs(id, all)
	must(t, err)
	var out bytes.Buffer
	must(t, l.Copy(t.Context(), &out))
	if out.Len() > 0 {
		t.Errorf("%q", out.String())
	}
	r.logged(id, "stdout 01 first\n")
	path := filepath.Join(r.folder(id), id+"-json.log")
	raw, err := os.ReadFile(path)
	must(t, err, os.WriteFile(path, append(raw, raw[:20]...), 0o600), l.Copy(t.Context(), &out))
	if got := frames(t, out.Bytes()); got != "1:first\n" {
		t.Errorf("%q", got)
	}
}

// TestLogsFollow: who follows gets what comes until the program has ended, from the last line on that was asked for;
// of one that does not run, what there is.
func TestLogsFollow(t *testing.T) {
	r := newRig(t, nil)
	id := r.start("web", func(q *request.Create) { q.Config.Tty = true })
	r.logged(id, "stdout 01 old\n", "stdout 02 last\n")
	l, err := r.Logs("web", engine.LogOptions{Stdout: true, Follow: true, Tail: 1})
	must(t, err)
	lines, done := make(chan string, 100), make(chan error, 1)
	go func() {
		done <- l.Copy(t.Context(), writerFunc(func(p []byte) (int, error) { lines <- string(p); return len(p), nil }))
	}()
	next := func() string {
		select {
		case s := <-lines:
			return s
		case <-time.After(time.Minute):
			t.Fatal("nothing comes")
			return ""
		}
	}
	if got := next(); got != "last\n" || !l.Terminal {
		t.Errorf("%q", got)
	}
	r.logged(id, "stdout 03 new\n")
	if got := next(); got != "new\n" {
		t.Errorf("%q", got)
	}
	r.logged(id, "stdout 04 bye\n")
	r.l.exit(id, 0)
	if got := next(); got != "bye\n" {
		t.Errorf("%q", got)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	r.becomes(id, api.StateExited)
	var out bytes.Buffer
	must(t, l.Copy(t.Context(), &out))
	if out.String() != "bye\n" {
		t.Errorf("%q", out.String())
	}
}

// TestLogPlaces: a log that cannot be opened is why a start fails, and a driver that is none why a create does.
func TestLogPlaces(t *testing.T) {
	r := newRig(t, nil)
	for what, row := range map[string]struct {
		c    api.LogConfig
		says string
	}{
		"a driver that is none": {api.LogConfig{Type: "papyrus"}, "papyrus"},
		"an option of none":     {api.LogConfig{Type: "json-file", Config: map[string]string{"color": "red"}}, "color"},
	} {
		_, err := r.Create(t.Context(),
			request.Create{Config: &api.Config{Image: "base:1"}, Host: &api.HostConfig{LogConfig: row.c, NetworkMode: "host"}})
		if err == nil || !strings.Contains(err.Error(), row.says) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if got := r.listed(nil); len(got) > 0 {
		t.Errorf("%q was made", got)
	}
	id := r.create("web", func(q *request.Create) {
		q.Host.LogConfig = api.LogConfig{Type: "json-file",
			Config: map[string]string{"tag": "{{.Nothing}}"}}
	})
	err := r.Start(t.Context(), id)
	if !errdefs.IsInternal(err) || !strings.Contains(err.Error(), "failed to initialize logging driver") {
		t.Error(err)
	}
}
