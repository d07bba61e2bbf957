package rules

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"
)

// Watcher looks at hosts again and again, remembers what is wrong, and tells of changes.
type Watcher struct {
	Rules Rules
	Views func(context.Context) []View
	Tell  func([]Alert)              // of what has begun and ended; not nil
	Save  func(content []byte) error // keeps the state, as a whole or not at all; nil: nowhere
	Every time.Duration              // ten seconds
	Log   *slog.Logger

	mu    sync.Mutex
	state State
}

// saveEvery is how often a state is saved in which nothing began or ended.
const saveEvery = 10 * time.Minute

// Restore takes the state that was saved. One that is none is told to the log, and everything is new.
func (w *Watcher) Restore(path string) {
	s, err := readState(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		w.Log.Warn("what was wrong before the last start is not known", "error", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.state = s
}

// maxState is how large a saved state may be.
const maxState = 16 << 20

func readState(path string) (s State, err error) {
	f, err := os.Open(path)
	if err != nil {
		return s, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxState))
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		return State{}, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// Run looks until ctx ends, and saves the state then.
func (w *Watcher) Run(ctx context.Context) {
	every := w.Every
	if every == 0 {
		every = 10 * time.Second
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	saved := time.Time{}
	for {
		select {
		case <-ctx.Done():
			w.save()
			return
		case now := <-tick.C:
			if w.look(ctx, now) {
				saved = now
			} else if now.Sub(saved) > saveEvery {
				w.save()
				saved = now
			}
		}
	}
}

// look evaluates once. It tells whether something began or ended, which is saved then.
func (w *Watcher) look(ctx context.Context, now time.Time) bool {
	views := w.Views(ctx)
	w.mu.Lock()
	next, changes := w.Rules.Evaluate(w.state, views, now.Round(0))
	w.state = next
	w.mu.Unlock()
	if len(changes) == 0 {
		return false
	}
	w.save() // first, so that nothing is told twice
	w.Tell(changes)
	return true
}

// Change takes other rules. What was wrong by one that is no more is over.
func (w *Watcher) Change(r Rules) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.Rules = r
}

// State returns what is wrong now.
func (w *Watcher) State() State {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.state
}

func (w *Watcher) save() {
	if w.Save == nil {
		return
	}
	raw, err := json.Marshal(w.State())
	if err == nil {
		err = w.Save(raw)
	}
	if err != nil {
		w.Log.Warn("what is wrong is not kept over a restart", "error", err)
	}
}
