// Package events has the bus on which the engine publishes events. It remembers recent ones, on disk over restarts.
//
// Every listener has a place of its own in the one row of events, and takes the next ones when it is ready: from memory,
// or from the files where it is further behind. So a listener that is slow costs nobody anything; if what it needs is in
// neither, it is cut off.
package events

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/moby/moby/api/types/events"
)

// kept is how many events stay in memory, as many as in Docker, and queued how many while a listener has yet to take
// them.
const (
	kept   = 256
	queued = 4096
)

// batch is how many events a listener takes at once.
const batch = 64

// Bus passes every event to every listener, in order. The zero value is ready to use, and forgets all with the process.
type Bus struct {
	mu        sync.Mutex
	ring      []events.Message
	evicted   int64   // time of the newest event that is not in the ring
	lost      int64   // time of the newest event that is neither there nor on disk
	unkept    []int64 // times of those in the ring that are not on disk
	listeners map[*listener]struct{}
	last      int64 // time of the newest event
	published uint64
	files     *files // nil: none
}

// listener is somebody's place.
type listener struct {
	after  int64     // time of the event that was taken last
	joined int64     // time of the newest event when it came
	taken  time.Time // when that was
	wake   chan struct{}
	place  place // in the files, where it reads those
}

// clientKey is the key of the certificate's name in a context.
type clientKey struct{}

// WithClient records the name in the certificate of the client whose request the context serves.
func WithClient(ctx context.Context, certificate string) context.Context {
	return context.WithValue(ctx, clientKey{}, certificate)
}

// Publish sends an event. If the request came with a certificate, its name is added. The time is set here, later than
// that of all events before, whatever the clock does.
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
	b.ring = append(b.ring, message(now, kind, action, id, attributes))
	if b.files != nil {
		lost, ok := b.files.write(&b.ring[len(b.ring)-1], b.wanted)
		if b.lost = max(b.lost, lost); !ok {
			b.unkept = append(b.unkept, now)
		}
	}
	b.evict()
	for l := range b.listeners {
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
}

// patience is for how long a listener may stand still before the files grow no more for it.
const patience = 5 * time.Second

// wanted is the time after which somebody who goes on has yet to take events.
func (b *Bus) wanted() int64 {
	wanted := b.last
	for l := range b.listeners {
		if l.after < wanted && time.Since(l.taken) < patience {
			wanted = l.after
		}
	}
	return wanted
}

// message is an event as Docker sends it.
func message(at int64, kind events.Type, action events.Action, id string, attributes map[string]string) events.Message {
	return events.Message{
		Type: kind, Action: action, Scope: "local",
		Actor:    events.Actor{ID: id, Attributes: attributes},
		Time:     at / int64(time.Second),
		TimeNano: at,
	}
}

// evict forgets what is too much for the memory: what nobody has yet to take, or what is too much for anybody.
func (b *Bus) evict() {
	n := len(b.ring) - kept
	if n <= 0 {
		return
	}
	for l := range b.listeners {
		if l.after >= b.evicted {
			n = min(n, b.index(l.after))
		}
	}
	if n = max(n, len(b.ring)-queued); n <= 0 {
		return
	}
	b.evicted = b.ring[n-1].TimeNano
	if b.files == nil {
		b.lost = b.evicted
	}
	for len(b.unkept) > 0 && b.unkept[0] <= b.evicted {
		b.lost, b.unkept = max(b.lost, b.unkept[0]), b.unkept[1:]
	}
	clear(b.ring[:n])
	if b.ring = b.ring[n:]; cap(b.ring) > 4*kept && len(b.ring) <= kept {
		b.ring = slices.Clone(b.ring)
	}
}

// index is the place in the ring of the first event after a time.
func (b *Bus) index(after int64) int {
	n, _ := slices.BinarySearchFunc(b.ring, after+1, func(m events.Message, at int64) int {
		return int(min(max(m.TimeNano-at, -1), 1))
	})
	return n
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
