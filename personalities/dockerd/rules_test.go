package dockerd

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"box/engine/stats/sample"
	"box/personalities/dockerd/config"
	"box/personalities/top/rules"
)

// TestLimits: what is wrong by the rules is in the next measurements and is told to the webhook, once over a restart.
func TestLimits(t *testing.T) {
	told := make(chan rules.Message, 10)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var m rules.Message
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
			t.Error(err)
		}
		told <- m
	}))
	defer server.Close()
	log := slog.New(slog.DiscardHandler)
	o := &config.Options{}
	o.Rules, o.DataRoot = "given", t.TempDir()
	var err error
	if o.Limits, err = rules.Parse("given", strings.NewReader("unhealthy\nwebhook "+server.URL)); err != nil {
		t.Fatal(err)
	}
	set := func(health string) *sample.Set {
		return &sample.Set{Containers: []sample.Container{{Name: "web", State: "running", Health: health}}}
	}
	start := func() (l *limits, measured func(*sample.Set), stop func()) {
		l = newLimits(o, log)
		l.watcher.Every = time.Millisecond
		stop = l.watch(o, func(fn func(*sample.Set)) { measured = fn })
		return l, measured, stop
	}
	l, measured, stop := start()
	measured(set("unhealthy"))
	if m := <-told; m.Status != "firing" || m.Container != "web" {
		t.Errorf("%+v is told", m)
	}
	var h sample.Host
	if l.describe(&h); len(h.Warnings) != 1 || h.Warnings[0] != "web is unhealthy" {
		t.Errorf("the monitor says %q", h.Warnings)
	}
	stop()
	if info, err := os.Stat(filepath.Join(o.DataRoot, "stats", "alerts.json")); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	l, measured, stop = start()
	defer stop()
	measured(set("unhealthy"))
	select {
	case m := <-told:
		t.Errorf("%+v is told twice", m)
	case <-time.After(50 * time.Millisecond):
	}
	measured(set("healthy"))
	if m := <-told; m.Status != "recovered" {
		t.Errorf("%+v is told", m)
	}
	// A rule that is no more tells its end to the webhooks that are.
	measured(set("unhealthy"))
	if m := <-told; m.Status != "firing" {
		t.Errorf("%+v is told", m)
	}
	o.Limits = rules.Rules{Webhooks: o.Limits.Webhooks}
	l.reload(o)
	if m := <-told; m.Status != "recovered" {
		t.Errorf("%+v is told", m)
	}
	none := newLimits(&config.Options{}, log)
	none.describe(&h)
	none.watch(&config.Options{}, nil)()
}
