package screen

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"box/netapi/wire"
	"box/personalities/top/listing"
)

// transfer is how far a pull is: how much of each layer has come, by the messages of the daemon.
type transfer struct {
	layers map[string]*layer
	last   string // what is done beside the layers
}

type layer struct {
	done           bool
	current, total int64
}

// maxLayers is how many layers are counted of a pull: an image has at most some hundred.
const maxLayers = 1000

// note takes a message.
func (t *transfer) note(m *wire.Message) {
	l := t.layers[m.ID]
	switch m.Status {
	case "Pulling fs layer", "Already exists":
		if l == nil && len(t.layers) < maxLayers {
			l = &layer{}
			t.layers[m.ID] = l
		}
	}
	switch {
	case l == nil:
		if m.ID == "" && m.Status != "" {
			t.last = m.Status
		}
		return
	case m.Status == "Already exists", m.Status == "Pull complete":
		l.done = true
	case m.Status == "Downloading" && m.Detail != nil:
		l.current, l.total = max(m.Detail.Current, l.current), max(m.Detail.Total, l.total)
	case m.Status == "Download complete":
		l.current = max(l.current, l.total)
	}
}

// String says how far it is.
func (t *transfer) String() string {
	if len(t.layers) == 0 {
		return listing.Clean(t.last)
	}
	done, current, total := 0, int64(0), int64(0)
	for _, l := range t.layers {
		if l.done {
			done++
		}
		current, total = current+l.current, total+l.total
	}
	text := fmt.Sprintf("%d of %d layers", done, len(t.layers))
	if total > 0 {
		text += fmt.Sprintf(", %s of %s", listing.Size(float64(current)), listing.Size(float64(total)))
	}
	return text
}

// progress is what is told of a request that goes on.
type progress string

// tellEvery is how often the progress of a transfer is told.
const tellEvery = 250 * time.Millisecond

// followPull reads the messages of a pull to the end, and tells from time to time how far it is. An error in them is
// returned.
func followPull(body io.Reader, emit func(any)) error {
	t := transfer{layers: map[string]*layer{}}
	var told time.Time
	for r := wire.NewJSONReader(body); ; {
		var m wire.Message
		switch err := r.Read(&m); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case m.ErrorOf != nil:
			return errors.New(strings.TrimSpace(m.ErrorOf.Message))
		case m.Error != "":
			return errors.New(strings.TrimSpace(m.Error))
		}
		t.note(&m)
		if now, text := time.Now(), t.String(); text != "" && now.Sub(told) >= tellEvery {
			told = now
			emit(progress(text))
		}
	}
}
