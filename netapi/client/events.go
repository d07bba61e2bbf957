package client

import (
	"context"
	"io"
	"net/url"

	"github.com/moby/moby/api/types/events"

	"box/netapi/wire"
)

// Event is an event of the daemon. Status, ID and From are sent by daemons before API 1.52.
type Event struct {
	Status string `json:"status,omitempty"`
	ID     string `json:"id,omitempty"`
	From   string `json:"from,omitempty"`

	Type   events.Type
	Action events.Action
	Actor  events.Actor
	Scope  string `json:"scope,omitempty"`

	Time     int64 `json:"time,omitempty"`
	TimeNano int64 `json:"timeNano,omitempty"`
}

// Events calls each for every event until the time until, the end of ctx or an error of each. since and until are Unix
// seconds or empty.
func (c *Client) Events(ctx context.Context, since, until string, f Filters, each func(*Event) error) error {
	q := url.Values{}
	setString(q, "since", since)
	setString(q, "until", until)
	f.set(q)
	body, err := c.stream(ctx, call{method: "GET", path: "/events", query: q})
	if err != nil {
		return err
	}
	defer body.Close()
	r := wire.NewJSONReader(body)
	for {
		var m Event
		switch err := r.Read(&m); {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
		if err := each(&m); err != nil {
			return err
		}
	}
}
