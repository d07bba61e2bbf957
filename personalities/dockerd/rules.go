package dockerd

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"box/engine/stats/sample"
	"box/personalities/dockerd/config"
	"box/personalities/outfile"
	"box/personalities/top/rules"
)

// limits looks at what is measured by the rules of --monitor-rules, and tells of what is wrong: in the measurements, in
// the log, and to webhooks.
type limits struct {
	watcher *rules.Watcher // nil: there are no rules
	last    atomic.Pointer[sample.Set]
	since   time.Time
	log     *slog.Logger

	mu     sync.Mutex
	sender *rules.Sender
}

func newLimits(o *config.Options, log *slog.Logger) *limits {
	l := &limits{since: time.Now(), log: log}
	if o.Rules == "" {
		return l
	}
	name, _ := os.Hostname()
	l.watcher = &rules.Watcher{Rules: o.Limits, Log: log, Views: func(context.Context) []rules.View {
		return []rules.View{{Host: name, Set: l.last.Load(), Daemon: true, Since: l.since}}
	}}
	return l
}

// describe adds what is wrong to a measurement.
func (l *limits) describe(h *sample.Host) {
	if l.watcher == nil {
		return
	}
	for _, a := range l.watcher.State().Alerts() {
		h.Warnings = append(h.Warnings, a.Text)
	}
}

// watch begins to look at what is measured. follow hands a function every measurement. stop ends that.
func (l *limits) watch(o *config.Options, follow func(func(*sample.Set))) (stop func()) {
	if l.watcher == nil {
		return func() {}
	}
	dir := filepath.Join(o.DataRoot, "stats")
	path := filepath.Join(dir, "alerts.json")
	l.watcher.Restore(path)
	l.watcher.Save = func(raw []byte) error {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		return outfile.Replace(path, raw, 0o600)
	}
	l.watcher.Tell = l.tell
	l.reload(o)
	follow(func(s *sample.Set) { l.last.Store(s) })
	ctx, cancel := context.WithCancel(context.Background())
	var watching sync.WaitGroup
	watching.Go(func() { l.watcher.Run(ctx) })
	return func() {
		cancel()
		watching.Wait()
		l.sender.Close()
	}
}

// tell tells of what has begun and ended.
func (l *limits) tell(alerts []rules.Alert) {
	for _, a := range alerts {
		l.log.Warn("limit", "alert", a.Text, "rule", a.Rule, "since", a.Since, "recovered", !a.Ended.IsZero())
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sender.Send(alerts)
}

// reload takes the rules and webhooks of other options. What waits for a webhook is not sent then.
func (l *limits) reload(o *config.Options) {
	if l.watcher == nil {
		return // a start is needed
	}
	l.watcher.Change(o.Limits)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sender != nil {
		l.sender.Close()
	}
	l.sender = rules.NewSender(o.Limits.Webhooks, &http.Client{}, l.log)
}
