package screen

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"box/netapi/client"
	"box/netapi/wire"
	"box/personalities/docker/clienttest"
	"box/personalities/top/hosts"
)

// worked returns a worker for a daemon that answers by routes.
func worked(t *testing.T, routes map[string]http.HandlerFunc) (*clienttest.Daemon, *worker) {
	t.Helper()
	d := clienttest.New(t, nil, routes)
	c, err := client.New(client.Options{Host: d.Host})
	if err != nil {
		t.Fatal(err)
	}
	h := hosts.FromClient("one", c)
	t.Cleanup(func() { h.Close(); c.Close() })
	return d, newWorker([]*hosts.Host{h})
}

// answer is the next answer of a worker.
func answer(t *testing.T, w *worker) Answer {
	t.Helper()
	select {
	case a := <-w.answers:
		return a
	case <-time.After(time.Minute):
		t.Fatal("no answer")
		return Answer{}
	}
}

// Each verb that changes something is one request to the daemon.
func TestChanges(t *testing.T) {
	done := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }
	object := clienttest.Reply(`{}`)
	limits := &Limits{Memory: "64M", Swap: 1 << 20, CPUs: "1.5", Policy: "always"}
	for _, row := range []struct {
		request Request
		route   string
		reply   http.HandlerFunc
		query   string
		body    string
	}{
		{Request{Verb: "start"}, "POST /containers/x/start", done, "", ""},
		{Request{Verb: "stop"}, "POST /containers/x/stop", done, "", ""},
		{Request{Verb: "restart"}, "POST /containers/x/restart", done, "", ""},
		{Request{Verb: "kill"}, "POST /containers/x/kill", done, "", ""},
		{Request{Verb: "pause"}, "POST /containers/x/pause", done, "", ""},
		{Request{Verb: "unpause"}, "POST /containers/x/unpause", done, "", ""},
		{Request{Verb: "remove"}, "DELETE /containers/x", done, "?force=1&v=1", ""},
		{Request{Verb: "update", Limits: limits}, "POST /containers/x/update", object, "",
			`"Memory":67108864,"MemorySwap":68157440,"NanoCpus":1500000000`},
		{Request{Verb: "remove image"}, "DELETE /images/x", clienttest.Reply(`[]`), "", ""},
		{Request{Verb: "create volume"}, "POST /volumes/create", object, "", `"Name":"x"`},
		{Request{Verb: "remove volume"}, "DELETE /volumes/x", done, "", ""},
		{Request{Verb: "create network"}, "POST /networks/create", object, "", `"Name":"x","Driver":"bridge"`},
		{Request{Verb: "remove network"}, "DELETE /networks/x", done, "", ""},
	} {
		d, w := worked(t, map[string]http.HandlerFunc{row.route: row.reply})
		row.request.Target = "x"
		w.start(context.Background(), row.request)
		if a := answer(t, w); a.Err != nil || !a.changes() {
			t.Errorf("%s: %+v", row.request.Verb, a)
		}
		d.Mu.Lock()
		if !slices.Contains(d.Seen, row.route+row.query) {
			t.Errorf("%s: asked %q", row.request.Verb, d.Seen)
		}
		for part := range strings.SplitSeq(row.body, ",") {
			if !strings.Contains(string(d.Bodies[row.route]), part) {
				t.Errorf("%s: sent %s, without %s", row.request.Verb, d.Bodies[row.route], part)
			}
		}
		d.Mu.Unlock()
	}
	_, w := worked(t, nil)
	for verb := range verbs {
		w.start(context.Background(), Request{Verb: verb, Target: "x", Limits: limits})
		if a := answer(t, w); a.Err == nil || strings.Contains(a.Err.Error(), "no such verb") != (verb == "shell") {
			t.Errorf("%s of a daemon that refuses all: %v", verb, a.Err)
		}
	}
}

func TestLists(t *testing.T) {
	_, w := worked(t, map[string]http.HandlerFunc{
		"GET /images/json": clienttest.Reply(`[{"Id":"sha256:aaaaaaaaaaaaaaaa","RepoTags":["b:2","a:1"],"Size":2048},
			{"Id":"sha256:cccccccccccccccc","RepoTags":null,"Size":10}]`),
		"GET /volumes":  clienttest.Reply(`{"Volumes":[{"Name":"data","Driver":"local"}]}`),
		"GET /networks": clienttest.Reply(`[{"Id":"abc","Name":"bridge","Driver":"bridge"}]`),
	})
	for verb, want := range map[string]string{images: "<none> a:1 b:2", volumes: "data", networks: "bridge"} {
		w.start(context.Background(), Request{Verb: verb})
		a := answer(t, w)
		table, ok := a.Data.(*objectTable)
		if !ok || a.Err != nil {
			t.Fatalf("%s: %+v", verb, a)
		}
		var names []string
		for _, r := range table.rows {
			names = append(names, r.cells[0])
			if len(r.cells) != len(table.titles) || r.target == "" {
				t.Errorf("%s: %+v", verb, r)
			}
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s: %s", verb, got)
		}
	}
}

// A log is followed until the page is left; its lines come with their stream.
func TestFollowLog(t *testing.T) {
	left := make(chan struct{})
	_, w := worked(t, map[string]http.HandlerFunc{
		"GET /containers/x/json": clienttest.Reply(`{"Config":{}}`),
		"GET /containers/x/logs": func(rw http.ResponseWriter, r *http.Request) {
			var mu sync.Mutex
			fmt.Fprint(wire.NewFrameWriter(rw, &mu, wire.Stdout), "one\nhalf")
			rw.(http.Flusher).Flush()
			fmt.Fprint(wire.NewFrameWriter(rw, &mu, wire.Stderr), "bad\n")
			fmt.Fprint(wire.NewFrameWriter(rw, &mu, wire.Stdout), " line\r\n")
			rw.(http.Flusher).Flush()
			<-r.Context().Done()
			close(left)
		},
	})
	w.start(context.Background(), Request{Verb: log, Target: "x"})
	got := map[string]bool{}
	for len(got) < 3 {
		lines, ok := answer(t, w).Data.(logLines)
		if !ok {
			t.Fatal("no lines")
		}
		for _, l := range lines {
			got[fmt.Sprint(l.text, " ", l.stderr)] = true
		}
	}
	if !got["one false"] || !got["bad true"] || !got["half line false"] {
		t.Error(got)
	}
	w.start(context.Background(), Request{Verb: leave})
	select {
	case <-left:
	case <-time.After(time.Minute):
		t.Fatal("the log is followed after its page was left")
	}
	w.all.Wait()
}

// A line without an end is cut, and costs no more memory than that.
func TestEndlessLine(t *testing.T) {
	var lines []logLine
	err := splitLog(strings.NewReader(strings.Repeat("x", 5*maxText+7)), true, func(v any) {
		lines = append(lines, v.(logLines)...)
	})
	if err != nil || len(lines) != 6 || len(lines[0].text) != maxText || len(lines[5].text) != 7 {
		t.Errorf("%v, %d lines", err, len(lines))
	}
}

func TestEvents(t *testing.T) {
	_, w := worked(t, map[string]http.HandlerFunc{"GET /events": func(rw http.ResponseWriter, r *http.Request) {
		if f := r.FormValue("filters"); !strings.Contains(f, "container") || r.FormValue("since") == "" {
			t.Errorf("%q", r.Form)
		}
		e := client.Event{Type: "container", Action: "die", Time: 5}
		e.Actor.ID, e.Actor.Attributes = strings.Repeat("a", 64), map[string]string{"name": "web", "exitCode": "3"}
		json.NewEncoder(rw).Encode(e)
	}})
	w.start(context.Background(), Request{Verb: events, Target: "x", From: noon})
	if text, _ := answer(t, w).Data.(string); !strings.Contains(text, "container die") ||
		!strings.Contains(text, "web  exitCode=3") {
		t.Errorf("%q", text)
	}
}

func TestLimits(t *testing.T) {
	for _, row := range []struct {
		l    Limits
		want string
	}{
		{Limits{Memory: "64M", Swap: -1}, ""}, {Limits{CPUs: "0.5"}, ""}, {Limits{Policy: "no"}, ""},
		{Limits{}, "taken away"}, {Limits{Memory: "much"}, "a size is needed"}, {Limits{Memory: "-1"}, "a size is needed"},
		{Limits{CPUs: "x"}, "a number is needed"}, {Limits{CPUs: "NaN"}, "a number is needed"},
		{Limits{CPUs: "-1"}, "a number is needed"}, {Limits{Policy: "sometimes"}, "no, always"},
	} {
		u, err := row.l.update()
		if row.l.Swap < 0 && u.MemorySwap != -1 {
			t.Errorf("%+v sets a limit of swap: %d", row.l, u.MemorySwap)
		}
		if (err == nil) != (row.want == "") || err != nil && !strings.Contains(err.Error(), row.want) {
			t.Errorf("%+v: %v", row.l, err)
		}
	}
}
