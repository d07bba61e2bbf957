package web

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/errdefs"

	"box/netapi/client"
	"box/netapi/wire"
)

// Limits of what is asked of the past.
const (
	maxPoints   = 4000
	sparkPoints = 60
	sparkSpan   = time.Minute
	maxSparks   = 200  // containers
	maxEvents   = 2000 // the last ones of a span
	pastWait    = 20 * time.Second
)

// inTurn answers few requests at once, because each of them costs the daemon something, and anybody may ask.
func inTurn(h handler) handler {
	return func(s *Server, w http.ResponseWriter, r *http.Request) error {
		select {
		case s.turns <- struct{}{}:
			defer func() { <-s.turns }()
			return h(s, w, r)
		case <-r.Context().Done():
			return r.Context().Err()
		}
	}
}

// hostList tells which hosts there are, and what the one who asks may do.
func (s *Server) hostList(w http.ResponseWriter, r *http.Request) error {
	out := struct {
		Hosts  []string
		Holder bool // may act
		Token  bool // there is a token that can be shown
	}{Hosts: []string{}, Holder: s.checkHolder(r) == nil, Token: s.o.Token != ""}
	for _, h := range s.o.Hosts {
		out.Hosts = append(out.Hosts, h.State().Name)
	}
	return reply(w, out)
}

// reply sends JSON.
func reply(w http.ResponseWriter, v any) error {
	raw, err := wire.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	extend(w)
	_, _ = w.Write(raw) // or the client is gone
	return nil
}

// span reads the times of a query: from and to in milliseconds of Unix time.
func span(r *http.Request) (from, to time.Time, err error) {
	q := r.URL.Query()
	for _, one := range []struct {
		key string
		to  *time.Time
	}{{"from", &from}, {"to", &to}} {
		ms, err := strconv.ParseInt(q.Get(one.key), 10, 64)
		if err != nil || ms < 0 || ms > 1<<45 {
			return from, to, fmt.Errorf("%s is not a time in milliseconds: %w", one.key, errdefs.ErrInvalidArgument)
		}
		*one.to = time.UnixMilli(ms)
	}
	if !from.Before(to) {
		return from, to, fmt.Errorf("from is not before to: %w", errdefs.ErrInvalidArgument)
	}
	return from, to, nil
}

// history returns a span of the past of a host or container.
func (s *Server) history(w http.ResponseWriter, r *http.Request) error {
	h, err := s.host(r)
	if err != nil {
		return err
	}
	from, to, err := span(r)
	if err != nil {
		return err
	}
	series := r.URL.Query().Get("series")
	if !plainName(series) || strings.Contains(series, "/") {
		return fmt.Errorf("series is neither host nor an ID: %w", errdefs.ErrInvalidArgument)
	}
	points, err := strconv.Atoi(r.URL.Query().Get("points"))
	if err != nil || points < 1 || points > maxPoints {
		return fmt.Errorf("points is not 1 to %d: %w", maxPoints, errdefs.ErrInvalidArgument)
	}
	ctx, cancel := context.WithTimeout(r.Context(), pastWait)
	defer cancel()
	past, err := h.History(ctx, series, from, to, points)
	if err != nil {
		return err
	}
	return reply(w, past)
}

// sparks returns the processors that the containers of a host used in the last minutes: for each ID a value for each
// moment, null where nothing was measured.
func (s *Server) sparks(w http.ResponseWriter, r *http.Request) error {
	h, err := s.host(r)
	if err != nil {
		return err
	}
	out := map[string][]*float64{}
	set := h.State().Set
	if set == nil {
		return reply(w, out)
	}
	ctx, cancel := context.WithTimeout(r.Context(), pastWait)
	defer cancel()
	now := time.Now()
	for i := range set.Containers {
		c := &set.Containers[i]
		if c.State != "running" || len(out) >= maxSparks {
			continue
		}
		past, err := h.History(ctx, c.ID, now.Add(-sparkSpan), now, sparkPoints)
		if err != nil {
			break // there is none, and what there is of it serves
		}
		if at := slices.Index(past.Columns, "cpu"); at >= 0 && at < len(past.Values) {
			out[c.ID] = past.Values[at]
		}
	}
	return reply(w, out)
}

// event is what a page is told of an event.
type event struct {
	At       int64 // milliseconds of Unix time
	Type     string
	Action   string
	ID, Name string `json:",omitempty"`
	Image    string `json:",omitempty"`
	Exit     string `json:",omitempty"`
	Signal   string `json:",omitempty"`
}

// eventOf returns what a page is told of e, and whether it is told: not what users did not cause, such as the programs
// of health checks.
func eventOf(e *client.Event) (event, bool) {
	action, _, _ := strings.Cut(string(e.Action), ":")
	action = strings.TrimSpace(action)
	if slices.Contains([]string{"exec_create", "exec_start", "exec_die", "exec_detach", "top", "resize", "attach",
		"detach", "archive-path", "extract-to-dir", "export", "copy", "commit"}, action) && e.Type == "container" {
		return event{}, false
	}
	a := e.Actor.Attributes
	if action == "health_status" {
		action = strings.ReplaceAll(string(e.Action), "health_status: ", "health ")
	}
	at := e.TimeNano / int64(time.Millisecond)
	if at == 0 {
		at = e.Time * 1000
	}
	return event{At: at, Type: string(e.Type), Action: cut(action), ID: cut(e.Actor.ID), Name: cut(a["name"]),
		Image: cut(a["image"]), Exit: cut(a["exitCode"]), Signal: cut(a["signal"])}, true
}

// events returns the events of a host in a span, the last ones if there are many.
func (s *Server) events(w http.ResponseWriter, r *http.Request) error {
	h, err := s.host(r)
	if err != nil {
		return err
	}
	from, to, err := span(r)
	if err != nil {
		return err
	}
	if now := time.Now(); to.After(now) {
		to = now // the daemon would wait for what is to come
	}
	ctx, cancel := context.WithTimeout(r.Context(), pastWait)
	defer cancel()
	id, filters := r.URL.Query().Get("id"), client.Filters(nil)
	if id != "" {
		filters = client.Filters{"container": {id}}
	}
	var last lastEvents
	err = h.Client().Events(ctx, seconds(from), seconds(to), filters, func(e *client.Event) error {
		if one, ok := eventOf(e); ok {
			last.add(one)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return reply(w, last.list())
}

// lastEvents keeps the last maxEvents events.
type lastEvents struct {
	ring []event
	next int // place of the oldest, once the ring is full
}

func (l *lastEvents) add(e event) {
	if len(l.ring) < maxEvents {
		l.ring = append(l.ring, e)
		return
	}
	l.ring[l.next] = e
	l.next = (l.next + 1) % maxEvents
}

// list returns the events, the oldest first.
func (l *lastEvents) list() []event {
	return append(append([]event{}, l.ring[l.next:]...), l.ring[:l.next]...)
}

// seconds returns a time as the API takes it.
func seconds(t time.Time) string {
	return fmt.Sprintf("%d.%09d", t.Unix(), t.Nanosecond())
}

// plainName tells whether a text can be passed on in the path of a request: a name, an ID or a reference.
func plainName(text string) bool {
	return text != "" && len(text) <= 512 && !strings.Contains(text, "..") && text[0] != '/' && text[0] != '.' &&
		strings.Trim(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/:@") == ""
}
