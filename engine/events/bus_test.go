package events

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/api/types/events"
)

// say publishes an event with an ID.
func say(b *Bus, id string) {
	b.Publish(context.Background(), events.ContainerEventType, events.ActionStart, id, map[string]string{})
}

// listen subscribes and gives what it hears; it ends with the test.
func listen(t *testing.T, b *Bus, since, until time.Time) (<-chan events.Message, <-chan error) {
	t.Helper()
	heard, over, started := make(chan events.Message, 10_000), make(chan error, 1), make(chan struct{})
	go func() {
		over <- b.Subscribe(t.Context(), since, until, func() { close(started) }, func(m events.Message) error {
			heard <- m
			return nil
		})
	}()
	<-started
	return heard, over
}

// TestOrder: what is said from everywhere at once reaches every listener in one order, each time later than the last.
func TestOrder(t *testing.T) {
	var b Bus
	one, _ := listen(t, &b, time.Time{}, time.Time{})
	two, _ := listen(t, &b, time.Time{}, time.Time{})
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for n := range 100 {
				say(&b, fmt.Sprint(g, "-", n))
			}
		})
	}
	all.Wait()
	var last int64
	seen := map[string]bool{}
	for range 800 {
		m, other := <-one, <-two
		if m.Actor.ID != other.Actor.ID || m.TimeNano <= last || m.Time != m.TimeNano/int64(time.Second) ||
			seen[m.Actor.ID] || m.Scope != "local" {
			t.Fatalf("%+v, the other hears %+v, after %d", m, other, last)
		}
		last, seen[m.Actor.ID] = m.TimeNano, true
	}
}

// TestPast: who asks for the past gets what is remembered of it, then what comes, with nothing twice and nothing left
// out between.
func TestPast(t *testing.T) {
	var b Bus
	for n := range kept + 50 {
		say(&b, fmt.Sprint(n))
	}
	middle := b.ring[100].TimeNano
	hear := func(c <-chan events.Message, want ...string) {
		t.Helper()
		for _, id := range want {
			if m := <-c; m.Actor.ID != id {
				t.Fatalf("%s is heard, want %s", m.Actor.ID, id)
			}
		}
		select {
		case m := <-c:
			t.Errorf("%s is heard too", m.Actor.ID)
		default:
		}
	}
	ids := func(from, to int) (list []string) {
		for n := from; n < to; n++ {
			list = append(list, fmt.Sprint(n))
		}
		return list
	}
	everything, _ := listen(t, &b, time.Unix(0, 1), time.Time{})
	since, _ := listen(t, &b, time.Unix(0, middle), time.Time{})
	fresh, _ := listen(t, &b, time.Time{}, time.Time{})
	say(&b, "new")
	m := <-fresh
	if m.Actor.ID != "new" {
		t.Errorf("who asks for nothing of the past hears %s", m.Actor.ID)
	}
	for _, row := range []struct {
		c    <-chan events.Message
		from int
	}{{everything, 50}, {since, 150}} { // of which the oldest are forgotten
		for _, want := range append(ids(row.from, kept+50), "new") {
			if m := <-row.c; m.Actor.ID != want {
				t.Fatalf("%s is heard, want %s", m.Actor.ID, want)
			}
		}
	}
	// A time that is over ends it, with what was until then.
	past, over := listen(t, &b, time.Time{}, time.Unix(0, middle))
	if err := <-over; err != nil {
		t.Error(err)
	}
	hear(past, ids(51, 151)...) // "new" has pushed one out
	slice, over := listen(t, &b, time.Unix(0, middle), time.Unix(0, middle))
	if err := <-over; err != nil {
		t.Error(err)
	}
	hear(slice, "150")
	none, over := listen(t, &b, time.Unix(0, middle), time.Unix(0, middle-1))
	if err := <-over; err != nil {
		t.Error(err)
	}
	hear(none)
	begin := time.Now()
	soon, over := listen(t, &b, time.Time{}, begin.Add(50*time.Millisecond))
	if err := <-over; err != nil || time.Since(begin) < 50*time.Millisecond {
		t.Errorf("over after %s, %v", time.Since(begin), err)
	}
	if got := len(soon); got != kept {
		t.Errorf("%d of the past are heard, want %d", got, kept)
	}
}

// TestSlowListener: one that does not listen is cut off and costs no more memory; the others hear everything.
func TestSlowListener(t *testing.T) {
	var b Bus
	quick, _ := listen(t, &b, time.Time{}, time.Time{})
	stuck, going := make(chan struct{}), make(chan struct{})
	over := make(chan error, 1)
	heard := 0
	go func() {
		over <- b.Subscribe(t.Context(), time.Time{}, time.Time{}, func() { close(going) }, func(events.Message) error {
			heard++
			<-stuck
			return nil
		})
	}()
	<-going
	for range 8 {
		for n := range queued / 4 {
			say(&b, fmt.Sprint(n))
		}
		for range queued / 4 { // it keeps up
			<-quick
		}
		if len(b.ring) > queued {
			t.Fatalf("%d events are in memory", len(b.ring))
		}
	}
	close(stuck)
	if err := <-over; err != nil || heard > batch || heard < 1 {
		t.Errorf("it heard %d, %v", heard, err)
	}
	if n := b.Listeners(); n != 1 {
		t.Errorf("%d listen", n)
	}
	say(&b, "then")
	<-quick
	say(&b, "and the memory is as without it")
	if len(b.ring) > kept {
		t.Errorf("%d events are in memory", len(b.ring))
	}
}

// TestListenerEnds: one whose time is over, or who gives an error, is gone.
func TestListenerEnds(t *testing.T) {
	var b Bus
	errGone := errors.New("the client is gone")
	say(&b, "past")
	err := b.Subscribe(t.Context(), time.Unix(0, 1), time.Time{}, nil, func(events.Message) error { return errGone })
	if !errors.Is(err, errGone) {
		t.Error(err)
	}
	err = b.Subscribe(t.Context(), time.Time{}, time.Time{}, func() { say(&b, "now") },
		func(events.Message) error { return errGone })
	if !errors.Is(err, errGone) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := b.Subscribe(ctx, time.Time{}, time.Time{}, cancel, func(events.Message) error { return nil }); err != nil {
		t.Error(err)
	}
	if n := b.Listeners(); n != 0 {
		t.Errorf("%d listen", n)
	}
}

// TestClient: what a request with a certificate does has its name, and nobody else's has.
func TestClient(t *testing.T) {
	var b Bus
	c, _ := listen(t, &b, time.Time{}, time.Time{})
	ctx := WithClient(t.Context(), "anna")
	for _, row := range []struct {
		ctx  context.Context
		want string
	}{{ctx, "anna"}, {t.Context(), ""}, {context.WithoutCancel(ctx), "anna"}} {
		b.Publish(row.ctx, events.ImageEventType, events.ActionTag, "x", map[string]string{"name": "n"})
		m := <-c
		if name, ok := m.Actor.Attributes["certificate"]; name != row.want || ok != (row.want != "") ||
			m.Actor.Attributes["name"] != "n" {
			t.Errorf("%v, want %q", m.Actor.Attributes, row.want)
		}
	}
	if !slices.IsSortedFunc(b.ring, func(a, b events.Message) int { return int(a.TimeNano - b.TimeNano) }) {
		t.Error("what is remembered is not in order")
	}
}

// TestAskedAndGone: who asks for the past hears all of it, though its context has ended, and nothing new.
func TestAskedAndGone(t *testing.T) {
	var b Bus
	for n := range 100 {
		say(&b, fmt.Sprint(n))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var heard []string
	err := b.Subscribe(ctx, time.Unix(0, 1), time.Time{}, func() { say(&b, "new") }, func(m events.Message) error {
		heard = append(heard, m.Actor.ID)
		return nil
	})
	if err != nil || len(heard) != 100 || heard[99] != "99" {
		t.Errorf("%d are heard, %v", len(heard), err)
	}
}
