package client

import (
	"context"

	"github.com/moby/moby/api/types/container"

	"box/netapi/wire"
)

// ExecCreate prepares a program in a running container and returns the ID of the exec.
func (c *Client) ExecCreate(ctx context.Context, id string, body container.ExecCreateRequest) (string, error) {
	var r struct{ Id string }
	err := c.do(ctx, call{method: "POST", path: "/containers/" + id + "/exec", body: body}, &r)
	return r.Id, err
}

// ExecStart starts an exec and returns at once.
func (c *Client) ExecStart(ctx context.Context, exec string, body container.ExecStartRequest) error {
	return c.do(ctx, call{method: "POST", path: "/exec/" + exec + "/start", body: body}, nil)
}

// ExecAttach starts an exec and connects to its streams.
func (c *Client) ExecAttach(ctx context.Context, exec string, body container.ExecStartRequest) (*wire.Conn, error) {
	return c.hijack(ctx, call{method: "POST", path: "/exec/" + exec + "/start", body: body})
}

// ExecInspect returns the state of an exec.
func (c *Client) ExecInspect(ctx context.Context, exec string) (r container.ExecInspectResponse, err error) {
	err = c.do(ctx, call{method: "GET", path: "/exec/" + exec + "/json"}, &r)
	return r, err
}

// ExecResize sets the size of the terminal of an exec.
func (c *Client) ExecResize(ctx context.Context, exec string, height, width int) error {
	return c.do(ctx, call{method: "POST", path: "/exec/" + exec + "/resize", query: sizeQuery(height, width)}, nil)
}
