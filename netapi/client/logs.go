package client

import (
	"context"
	"io"
	"net/url"
)

// Logs selects lines of a container's log. Since and Until are Unix seconds with optional decimals.
type Logs struct {
	Stdout, Stderr bool
	Since, Until   string
	Timestamps     bool
	Follow         bool
	Tail           string // "all" or a number
	Details        bool
}

// ContainerLogs streams a log: frames, or raw bytes if the container has a terminal.
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

// ContainerStats streams measurements as JSON objects. If stream is not set, there is only one, from two samples, or
// from a single sample if oneShot is set.
func (c *Client) ContainerStats(ctx context.Context, id string, stream, oneShot bool) (io.ReadCloser, error) {
	q := url.Values{"stream": {"0"}}
	if stream {
		q.Set("stream", "1")
	}
	setBool(q, "one-shot", oneShot)
	return c.stream(ctx, call{method: "GET", path: "/containers/" + id + "/stats", query: q})
}
