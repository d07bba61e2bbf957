package client

import (
	"context"
	"io"
	"net/url"
	"strconv"
	"time"

	"box/engine/stats/sample"
	"box/netapi/wire"
)

// Monitor calls each with a measurement at once, and then with one a second, until the end of ctx or an error of each.
// A daemon that is not box answers with an error of the class errdefs.ErrNotFound.
func (c *Client) Monitor(ctx context.Context, each func(*sample.Set) error) error {
	body, err := c.stream(ctx, call{method: "GET", path: "/monitor", query: url.Values{"stream": {"1"}}})
	if err != nil {
		return err
	}
	defer body.Close()
	r := wire.NewJSONReader(body)
	for {
		var set sample.Set
		switch err := r.Read(&set); {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
		if err := each(&set); err != nil {
			return err
		}
	}
}

// MonitorOnce returns one measurement. Its rates are those since the last one that the daemon made, ten seconds ago at
// most.
func (c *Client) MonitorOnce(ctx context.Context) (set sample.Set, err error) {
	err = c.do(ctx, call{method: "GET", path: "/monitor"}, &set)
	return set, err
}

// History returns a span of the past of a container, or of the host if series is "host". The daemon chooses the
// resolution: at most points moments, none finer than what it measured.
func (c *Client) History(ctx context.Context, series string, from, to time.Time,
	points int) (h sample.History, err error) {
	q := url.Values{"series": {series}, "points": {strconv.Itoa(points)},
		"from": {strconv.FormatInt(from.UnixNano(), 10)}, "to": {strconv.FormatInt(to.UnixNano(), 10)}}
	err = c.do(ctx, call{method: "GET", path: "/monitor/history", query: q}, &h)
	return h, err
}
