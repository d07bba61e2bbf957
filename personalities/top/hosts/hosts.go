// Package hosts keeps the state of the daemons that `box top` looks at. Each host has one goroutine, which measures
// only while somebody watches: box by its own stream, Docker by the streams of its API, and where no daemon answers at
// the default address of this machine, by reading the control groups. A host that stops answering keeps its last
// measurement, and is asked again until it answers.
package hosts

import (
	"context"
	"errors"
	"sync"
	"time"

	"box/engine/stats/sample"
	"box/netapi/client"
	"box/personalities/docker/session"
)

// Kind is how a host is measured.
type Kind int

// The kinds of hosts. Unknown is one that has not answered yet.
const (
	Unknown Kind = iota
	Box          // by the daemon
	Docker       // by the API that all daemons have
	Groups       // by the control groups of this machine, without a daemon
)

// String returns what a user reads.
func (k Kind) String() string { return [...]string{"", "box", "Docker", "control groups"}[k] }

// State is what is known of a host at one moment. Nobody changes a Set that was handed out.
type State struct {
	Name    string // as the user named it
	Address string
	Kind    Kind
	Set     *sample.Set // the last measurement; nil: none yet
	Since   time.Time   // when it became dead, or alive
	Dead    bool        // the daemon does not answer
	Err     string      // why it is dead
}

// Host is one daemon. Its methods may be called from any goroutine.
type Host struct {
	api     *client.Client
	session *session.Session // that it was opened with, or nil
	groups  *groups          // reads this machine while no daemon answers; nil for other machines
	past    past
	away    chan struct{} // the daemon has ended and its socket is held
	wake    chan struct{} // somebody began to watch
	cancel  context.CancelFunc
	done    chan struct{}

	mu       sync.Mutex
	state    State
	rated    bool // the measurement has rates
	watchers map[chan struct{}]bool
	unwatch  context.CancelFunc // ends the measuring that goes on
	now      func() time.Time
	silence  time.Duration // without an answer: dead
}

// FromClient returns the host behind a client, which the caller keeps and closes after the host.
func FromClient(name string, c *client.Client) *Host {
	h := prepare(name, c)
	h.start()
	return h
}

func prepare(name string, c *client.Client) *Host {
	return &Host{api: c, state: State{Name: name, Address: c.Host()}, watchers: map[chan struct{}]bool{},
		wake: make(chan struct{}, 1), away: make(chan struct{}, 1), done: make(chan struct{}), now: time.Now,
		silence: maxSilence}
}

// start starts the goroutine, which Close ends.
func (h *Host) start() {
	var ctx context.Context
	ctx, h.cancel = context.WithCancel(context.Background())
	go func() {
		defer close(h.done)
		h.run(ctx)
	}()
}

// Close ends the measuring and waits for that.
func (h *Host) Close() {
	h.cancel()
	<-h.done
}

// Client returns the client of the daemon, for what a measurement does not have.
func (h *Host) Client() *client.Client { return h.api }

// State returns what is known now.
func (h *Host) State() State {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.state
}

// Watch measures the host each second until stop is called, which may be called again. Each change of the state is told
// on changes; changes that follow each other closely are told once.
func (h *Host) Watch() (changes <-chan struct{}, stop func()) {
	c := make(chan struct{}, 1)
	h.mu.Lock()
	h.watchers[c] = true
	h.mu.Unlock()
	select {
	case h.wake <- struct{}{}:
	default:
	}
	return c, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.watchers, c)
		if len(h.watchers) == 0 && h.unwatch != nil {
			h.unwatch()
		}
	}
}

// change changes the state, and tells the watchers.
func (h *Host) change(f func(*State)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f(&h.state)
	for c := range h.watchers {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// measured takes a new measurement by the daemon. rated tells whether it has rates.
func (h *Host) measured(kind Kind, set *sample.Set, rated bool) {
	if h.groups != nil {
		h.groups.end()
	}
	if kind != Box {
		h.past.add(set)
	}
	h.change(func(s *State) {
		if s.Dead || s.Kind != kind || s.Since.IsZero() {
			s.Dead, s.Err, s.Since = false, "", h.now()
		}
		s.Kind, s.Set, h.rated = kind, set, rated
	})
}

// measuredGroups takes a measurement without a daemon, unless there is one by now.
func (h *Host) measuredGroups(set *sample.Set, rated bool) {
	h.past.add(set)
	h.change(func(s *State) {
		if s.Dead {
			s.Kind, s.Set, h.rated = Groups, set, rated
		}
	})
}

// dead notes that the daemon does not answer, and why.
func (h *Host) dead(err error) {
	h.change(func(s *State) {
		if !s.Dead {
			s.Dead, s.Since = true, h.now()
		}
		s.Err = err.Error()
	})
}

// History returns a span of the past: box's own, or of another daemon what was seen since it was opened.
func (h *Host) History(ctx context.Context, series string, from, to time.Time, points int) (sample.History, error) {
	if s := h.State(); s.Kind == Box || s.Kind == Unknown && h.groups == nil {
		return h.api.History(ctx, series, from, to, points)
	}
	return h.past.query(series, from, to, points)
}

// Once measures all hosts once, with rates, and returns their states. A host that does not answer until the end of ctx
// is dead.
func Once(ctx context.Context, all []*Host) []State {
	out := make([]State, len(all))
	var each sync.WaitGroup
	for i, h := range all {
		each.Go(func() { out[i] = h.once(ctx) })
	}
	each.Wait()
	return out
}

func (h *Host) once(ctx context.Context) State {
	before := h.State().Set
	changes, stop := h.Watch()
	defer stop()
	for {
		h.mu.Lock()
		s, rated := h.state, h.rated
		h.mu.Unlock()
		fresh := s.Set != nil && s.Set != before && rated
		if fresh && (!s.Dead || s.Kind == Groups) || s.Dead && h.groups == nil {
			return s
		}
		select {
		case <-changes:
		case <-ctx.Done():
			if s = h.State(); !s.Dead && s.Set == before {
				s.Dead, s.Since, s.Err = true, h.now(), errors.Join(errSilent, ctx.Err()).Error()
			}
			return s
		}
	}
}
