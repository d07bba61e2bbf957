// Package events has the bus on which the engine publishes events, and which remembers recent ones.
package events

import (
	"context"
	"sync"
	"time"

	"github.com/moby/moby/api/types/events"
)

// kept is how many events are remembered, as many as in Docker.
const kept = 256

// queued is how far a listener may fall behind before it is dropped, so that a stuck client does not use up memory.
const queued = 4096

// Bus passes every event to every listener, in order. The zero value is ready to use.
type Bus struct {
	mu        sync.Mutex
	ring      []events.Message
	listeners map[*listener]struct{}
	last      int64
	published uint64
}

type listener struct {
	c chan events.Message
}

// clientKey is the key of the certificate's name in a context.
type clientKey struct{}

// WithClient records the name in the certificate of the client whose request the context serves.
func WithClient(ctx context.Context, certificate string) context.Context {
	return context.WithValue(ctx, clientKey{}, certificate)
}

// Publish sends an event. If the request came with a certificate, its name is added. The time is set here, later than
// that of all events before.
func (b *Bus) Publish(ctx context.Context, kind events.Type, action events.Action, id string,
	attributes map[string]string) {
	if name, ok := ctx.Value(clientKey{}).(string); ok {
		attributes["certificate"] = name
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := max(time.Now().UnixNano(), b.last+1)
	b.last = now
	b.published++
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

// Published returns the number of events since the bus was made.
func (b *Bus) Published() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.published
}

// Listeners returns the number of subscriptions.
func (b *Bus) Listeners() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.listeners)
}

// Subscribe calls fn for each remembered event after since (for none if since and until are zero), and then for each
// new one, until ctx ends, until is reached, or fn returns an error, which is returned. If started is not nil, it is
// called as soon as no event can be missed.
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

// join adds l and copies the past events that it asks for, in one step.
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
