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

// span parses since and until of a request for events. A since of 0 means all past events, unlike in a request for
// logs.
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

// legacyEvent adds the fields of events before 1.22, which events of containers and images still have.
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

// eventTypes returns the media types for events in a version. Older clients get lines with the type application/json.
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

// sequence writes an RFC 7464 text sequence. Each Write is one text.
type sequence struct{ w io.Writer }

func (s sequence) Write(p []byte) (int, error) {
	n, err := s.w.Write(append([]byte{0x1e}, p...))
	return max(n-1, 0), err
}

// shapeEvent adds the old fields. 1.52 dropped them, but scripts that use the daemon's newest version still read them.
func shapeEvent(m events.Message) any {
	if m.Type != events.ContainerEventType && m.Type != events.ImageEventType {
		return m
	}
	return legacyEvent{Status: string(m.Action), ID: m.Actor.ID, From: m.Actor.Attributes["image"], Message: m}
}
