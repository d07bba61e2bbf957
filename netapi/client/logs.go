package client

import (
	"context"
	"io"
	"net/url"
)

// Logs chooses lines of a container's log. Since and Until are Unix seconds, "seconds.nanoseconds".
type Logs struct {
	Stdout, Stderr bool
	Since, Until   string
	Timestamps     bool
	Follow         bool
	Tail           string // "all" or a number
	Details        bool
}

// ContainerLogs streams a log: frames, or bare bytes when the container has a terminal.
func (c *Client) ContainerLogs(ctx context.Context, id string, o Logs) (io.ReadCloser, error) {
	q := url.Values{}
	setBool(q, "stdout", o.Stdout)
	setBool(q, "stderr", o.Stderr)
	setString(q, "since", o.Since)
	setString(q, "until", o.Until)
	setBool(q, "timestamps", o.Timestamps)
	setBool(q, "follow", o.Follow)
	setString(q, "tail", o.Tail)
	setBool(q, "details", o.Details)
	return c.stream(ctx, call{method: "GET", path: "/containers/" + id + "/logs", query: q})
}

// ContainerStats streams measurements as JSON objects; without stream it sends one, from two samples, or
// from one when oneShot.
func (c *Client) ContainerStats(ctx context.Context, id string, stream, oneShot bool) (io.ReadCloser, error) {
	q := url.Values{"stream": {"0"}}
	if stream {
		q.Set("stream", "1")
	}
	setBool(q, "one-shot", oneShot)
	return c.stream(ctx, call{method: "GET", path: "/containers/" + id + "/stats", query: q})
}
