package events

import (
	"context"
	"math"
	"time"

	"github.com/moby/moby/api/types/events"
)

// Subscribe calls fn for each remembered event since a time (for none if since and until are zero), and then for each
// new one, until ctx ends, until is reached, or fn returns an error, which is returned. It also ends when fn is so slow
// that the next event is forgotten. What is remembered is told even when ctx has ended: a client may have closed the
// half that it asked on. If started is not nil, it is called as soon as no event can be missed.
func (b *Bus) Subscribe(ctx context.Context, since, until time.Time, started func(),
	fn func(events.Message) error) error {
	l := b.join(since, !since.IsZero() || !until.IsZero())
	defer b.leave(l)
	if started != nil {
		started()
	}
	last, end := int64(math.MaxInt64), (<-chan time.Time)(nil)
	if !until.IsZero() && until.Unix() < math.MaxInt64/int64(time.Second) {
		t := time.NewTimer(time.Until(until))
		defer t.Stop()
		last, end = until.UnixNano(), t.C
	}
	for over := false; ; {
		next, ok := b.next(l)
		for _, m := range next {
			if m.TimeNano > last || ctx.Err() != nil && m.TimeNano > l.joined {
				return nil
			}
			if err := fn(m); err != nil {
				return err
			}
		}
		switch {
		case !ok:
			return nil
		case len(next) > 0:
			continue
		case over:
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-end:
			over = true // after what was published just now
		case <-l.wake:
		}
	}
}

// join makes a listener that begins at a time, or with what comes.
func (b *Bus) join(since time.Time, asks bool) *listener {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := &listener{after: b.last, joined: b.last, taken: time.Now(), wake: make(chan struct{}, 1)}
	switch {
	case !asks:
	case since.IsZero() || since.Unix() <= 0:
		l.after = 0
	case !since.After(time.Unix(0, b.last)):
		l.after = since.UnixNano() - 1
	}
	if b.listeners == nil {
		b.listeners = map[*listener]struct{}{}
	}
	b.listeners[l] = struct{}{}
	return l
}

func (b *Bus) leave(l *listener) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.listeners, l)
}

// next takes the next events: none if there are none yet. It is false if some are gone that came after the listener.
func (b *Bus) next(l *listener) ([]events.Message, bool) {
	b.mu.Lock()
	evicted, files := b.evicted, b.files
	if l.after >= evicted || files == nil {
		defer b.mu.Unlock()
		if evicted > max(l.after, l.joined) {
			return nil, false
		}
		n := b.index(l.after)
		some := append([]events.Message(nil), b.ring[n:min(n+batch, len(b.ring))]...)
		l.take(some)
		return some, true
	}
	b.mu.Unlock()
	some := files.read(l.after, evicted, &l.place)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.lost > max(l.after, l.joined) {
		return nil, false // and may have gone while that was read
	}
	if len(some) == 0 {
		l.after = evicted // what is not there was lost before the listener came
	}
	l.take(some)
	return some, true
}

func (l *listener) take(some []events.Message) {
	if len(some) > 0 {
		l.after, l.taken = some[len(some)-1].TimeNano, time.Now()
	}
}
