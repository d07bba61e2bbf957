// Package events is the bus on which the engine says what happened, and the short memory of it that late
// listeners are served from.
package events

import (
	"context"
	"sync"
	"time"

	"github.com/moby/moby/api/types/events"
)

// kept is how many events are remembered for listeners that ask for the past, as many as Docker keeps.
const kept = 256

// queued is how far a listener may fall behind before it is cut off: a stuck client must not cost memory without end.
const queued = 4096

// Bus hands every event to every listener, in order. The zero value is ready.
type Bus struct {
	mu        sync.Mutex
	ring      []events.Message
	listeners map[*listener]struct{}
	last      int64
}

type listener struct {
	c chan events.Message
}

// clientKey is where a context has the name of the certificate that a request came with.
type clientKey struct{}

// WithClient says whose request what is done under the context serves.
func WithClient(ctx context.Context, certificate string) context.Context {
	return context.WithValue(ctx, clientKey{}, certificate)
}

// Publish sends an event; that of a request which came with a certificate has the certificate's name. Time is set
// here: later than that of every event before.
func (b *Bus) Publish(ctx context.Context, kind events.Type, action events.Action, id string,
	attributes map[string]string) {
	if name, ok := ctx.Value(clientKey{}).(string); ok {
		attributes["certificate"] = name
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := max(time.Now().UnixNano(), b.last+1)
	b.last = now
	m := events.Message{
		Type: kind, Action: action, Scope: "local",
		Actor:    events.Actor{ID: id, Attributes: attributes},
		Time:     now / int64(time.Second),
		TimeNano: now,
	}
	if len(b.ring) == kept {
		copy(b.ring, b.ring[1:])
		b.ring = b.ring[:kept-1]
	}
	b.ring = append(b.ring, m)
	for l := range b.listeners {
		select {
		case l.c <- m:
		default: // too far behind: its channel is closed, which it sees as the end
			delete(b.listeners, l)
			close(l.c)
		}
	}
}

// Listeners counts who is subscribed.
func (b *Bus) Listeners() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.listeners)
}

// Subscribe calls fn for every remembered event after since (where it and until are zero, for none) and then for
// each as it comes, until ctx ends, until passes, or fn gives an error, which is returned.
// Started, when not nil, is called once nothing can be missed any more.
func (b *Bus) Subscribe(ctx context.Context, since, until time.Time, started func(),
	fn func(events.Message) error) error {
	l := &listener{c: make(chan events.Message, queued)}
	past := b.join(l, since, !since.IsZero() || !until.IsZero())
	defer b.leave(l)
	if started != nil {
		started()
	}
	after := func(m events.Message) bool { return !until.IsZero() && m.TimeNano > until.UnixNano() }
	for _, m := range past {
		if after(m) {
			return nil
		}
		if err := fn(m); err != nil {
			return err
		}
	}
	var end <-chan time.Time
	if !until.IsZero() {
		t := time.NewTimer(time.Until(until))
		defer t.Stop()
		end = t.C
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-end:
			return nil
		case m, open := <-l.c:
			if !open || after(m) {
				return nil
			}
			if err := fn(m); err != nil {
				return err
			}
		}
	}
}

// join adds l and copies what it asks for of the past, in one step.
func (b *Bus) join(l *listener, since time.Time, asks bool) []events.Message {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.listeners == nil {
		b.listeners = map[*listener]struct{}{}
	}
	b.listeners[l] = struct{}{}
	var past []events.Message
	if !asks {
		return nil
	}
	for _, m := range b.ring {
		if since.IsZero() || m.TimeNano >= since.UnixNano() {
			past = append(past, m)
		}
	}
	return past
}

func (b *Bus) leave(l *listener) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.listeners, l)
}
