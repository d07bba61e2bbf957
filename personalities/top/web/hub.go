package web

import (
	"bytes"
	"context"
	"sync"
	"time"

	"box/netapi/client"
	"box/personalities/top/hosts"
)

// hub sends what changes on the hosts to all pages that are open. A message is encoded once however many pages there
// are. Hosts are measured and followed only while there is a page.
type hub struct {
	hosts []*hosts.Host
	wrong func(host string) []string // may be nil

	mu      sync.Mutex
	viewers map[*viewer]bool
	known   map[*hosts.Host]*known
	cancel  context.CancelFunc // ends the goroutines of the hosts
	running sync.WaitGroup
	closed  bool
}

// known is what the last messages about a host said, for pages that open later.
type known struct{ described, measured []byte }

// Limits of pages. One that is slower than the messages is cut off; browsers then connect again and get what is.
const (
	maxViewers = maxStreams
	maxPending = 32 // messages that wait for a page
)

// viewer is an open page.
type viewer struct {
	messages chan []byte   // closed when the page is cut off
	dropped  chan struct{} // closed with messages
}

func newHub(all []*hosts.Host, wrong func(string) []string) *hub {
	return &hub{hosts: all, wrong: wrong, viewers: map[*viewer]bool{}, known: map[*hosts.Host]*known{}}
}

// join adds a page, or returns nil if there are too many. What is known already waits in its messages.
func (b *hub) join() *viewer {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed || len(b.viewers) >= maxViewers {
		return nil
	}
	v := &viewer{messages: make(chan []byte, maxPending+2*len(b.hosts)), dropped: make(chan struct{})}
	if b.cancel == nil {
		b.start()
	}
	b.viewers[v] = true
	for _, h := range b.hosts {
		if k := b.known[h]; k != nil {
			b.send(v, k.described)
			b.send(v, k.measured)
		}
	}
	return v
}

// leave removes a page. The last one ends the measuring.
func (b *hub) leave(v *viewer) {
	b.mu.Lock()
	b.drop(v)
	stop := b.idle()
	b.mu.Unlock()
	stop()
}

// idle returns what ends the measuring if no page is left. b.mu is held.
func (b *hub) idle() (stop func()) {
	if len(b.viewers) > 0 || b.cancel == nil {
		return func() {}
	}
	cancel := b.cancel
	b.cancel = nil
	clear(b.known)
	return cancel
}

// close cuts all pages off and waits for the goroutines.
func (b *hub) close() {
	b.mu.Lock()
	b.closed = true
	for v := range b.viewers {
		b.drop(v)
	}
	stop := b.idle()
	b.mu.Unlock()
	stop()
	b.running.Wait()
}

// drop cuts a page off. b.mu is held.
func (b *hub) drop(v *viewer) {
	if b.viewers[v] {
		delete(b.viewers, v)
		close(v.dropped)
		close(v.messages)
	}
}

// send queues a message for a page. b.mu is held.
func (b *hub) send(v *viewer, message []byte) {
	if len(message) == 0 {
		return
	}
	select {
	case v.messages <- message:
	default:
		b.drop(v)
	}
}

// start follows all hosts. b.mu is held.
func (b *hub) start() {
	var ctx context.Context
	ctx, b.cancel = context.WithCancel(context.Background())
	for _, h := range b.hosts {
		b.known[h] = &known{}
		b.running.Go(func() { b.follow(ctx, h) })
		b.running.Go(func() { b.followEvents(ctx, h) })
	}
}

// follow sends each measurement of a host, and what describes it whenever that changes.
func (b *hub) follow(ctx context.Context, h *hosts.Host) {
	changes, stop := h.Watch()
	defer stop()
	for {
		state := h.State()
		var wrong []string
		if b.wrong != nil {
			wrong = b.wrong(state.Name)
		}
		described, measured := describe(&state, wrong), measure(&state)
		b.mu.Lock()
		if ctx.Err() == nil { // else known belongs to others
			k := b.known[h]
			if bytes.Equal(k.described, described) {
				described = nil
			} else {
				k.described = described
			}
			if bytes.Equal(k.measured, measured) {
				measured = nil
			} else {
				k.measured = measured
			}
			b.tell(described, measured)
		}
		b.mu.Unlock()
		select {
		case <-changes:
		case <-ctx.Done():
			return
		}
	}
}

// tell sends messages to all pages. b.mu is held.
func (b *hub) tell(messages ...[]byte) {
	for v := range b.viewers {
		for _, m := range messages {
			if b.viewers[v] {
				b.send(v, m)
			}
		}
	}
}

// Pauses before events of a daemon are asked for again.
const (
	eventsAgain = 2 * time.Second
	eventsLast  = 30 * time.Second
)

// followEvents sends the events of a host while it is alive.
func (b *hub) followEvents(ctx context.Context, h *hosts.Host) {
	for pause := eventsAgain; ; pause = min(2*pause, eventsLast) {
		name := h.State().Name
		_ = h.Client().Events(ctx, "", "", nil, func(e *client.Event) error { // its end is seen by the measuring
			pause = eventsAgain
			if one, ok := eventOf(e); ok {
				m := message("event", struct {
					Host  string
					Event event
				}{name, one})
				b.mu.Lock()
				if ctx.Err() == nil {
					b.tell(m)
				}
				b.mu.Unlock()
			}
			return nil
		})
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
	}
}
