package netapi

import (
	"cmp"
	"context"
	"io"
	"net/http"
	"time"

	"github.com/moby/moby/api/types"
	"github.com/moby/moby/api/types/events"

	"box/engine/filter"
	"box/engine/refuse"
	"box/netapi/version"
	"box/netapi/wire"
)

// span reads since and until of a request for events. Unlike that of logs, a since of 0 asks for all of the past.
func span(r *http.Request) (since, until time.Time, err error) {
	read := func(name string) time.Time {
		text := r.FormValue(name)
		t, bad := moment(text)
		if err == nil {
			err = bad
		}
		if text == "0" {
			return time.Unix(0, 0)
		}
		return t
	}
	since, until = read("since"), read("until")
	if err == nil && !until.IsZero() && since.After(until) {
		err = refuse.Invalid("`since` time (%d) cannot be after `until` time (%d)", since.Unix(), until.Unix())
	}
	return since, until, err
}

// legacyEvent is an event with the fields that clients before 1.22 knew; containers and images still carry them.
type legacyEvent struct {
	Status string `json:"status,omitempty"`
	ID     string `json:"id,omitempty"`
	From   string `json:"from,omitempty"`
	events.Message
}

func (s *Server) events(w http.ResponseWriter, r *http.Request) error {
	f, err := filters(r)
	if err != nil {
		return err
	}
	since, until, err := span(r)
	if err != nil {
		return err
	}
	match := filter.Events(f)
	kind := acceptedType(r.Header.Values("Accept"), eventTypes(version.Of(r.Context())))
	out := wire.NewEncoder(newFlushWriter(w))
	if kind == types.MediaTypeJSONSequence {
		out = wire.NewEncoder(sequence{newFlushWriter(w)})
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	started := func() {
		w.Header().Set("Content-Type", cmp.Or(kind, types.MediaTypeJSON))
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
	}
	return quiet(s.e.Events().Subscribe(ctx, since, until, started, func(m events.Message) error {
		if !match(m) || m.Type == events.ImageEventType && m.Action == events.ActionCreate && version.Of(r.Context()) < 46 {
			return nil
		}
		return out.Encode(shapeEvent(m))
	}))
}

// eventTypes are the forms in which a client of a version may ask for events; others get lines, called JSON.
func eventTypes(v version.Version) []string {
	all := []string{types.MediaTypeJSONLines, types.MediaTypeNDJSON, types.MediaTypeJSONSequence}
	switch {
	case v < 52:
		return nil
	case v < 53:
		return all[1:]
	}
	return all
}

// sequence puts before each text what RFC 7464 wants there. A text is one call of Write.
type sequence struct{ w io.Writer }

func (s sequence) Write(p []byte) (int, error) {
	n, err := s.w.Write(append([]byte{0x1e}, p...))
	return max(n-1, 0), err
}

// shapeEvent adds the old fields, which 1.52 dropped: scripts on libraries that take whatever version the daemon has
// look there.
func shapeEvent(m events.Message) any {
	if m.Type != events.ContainerEventType && m.Type != events.ImageEventType {
		return m
	}
	return legacyEvent{Status: string(m.Action), ID: m.Actor.ID, From: m.Actor.Attributes["image"], Message: m}
}
