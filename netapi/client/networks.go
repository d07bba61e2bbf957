package client

import (
	"context"
	"encoding/json"
	"net/url"
	"time"

	"github.com/moby/moby/api/types/network"
)

// Network is the part of a network that is listed. Addresses are left out, because old daemons send some in formats
// that the current types do not parse.
type Network struct {
	ID         string `json:"Id"`
	Name       string
	Created    time.Time
	Scope      string
	Driver     string
	EnableIPv4 bool // absent before 1.48
	EnableIPv6 bool
	Internal   bool
	Labels     map[string]string
}

// NetworkList lists networks.
func (c *Client) NetworkList(ctx context.Context, f Filters) (list []Network, err error) {
	q := url.Values{}
	f.set(q)
	err = c.do(ctx, call{method: "GET", path: "/networks", query: q}, &list)
	return list, err
}

// NetworkInspect returns the daemon's JSON about a network as it was received.
func (c *Client) NetworkInspect(ctx context.Context, name, scope string, verbose bool) (raw json.RawMessage,
	err error) {
	q := url.Values{}
	setBool(q, "verbose", verbose)
	setString(q, "scope", scope)
	err = c.do(ctx, call{method: "GET", path: "/networks/" + name, query: q}, &raw)
	return raw, err
}

// NetworkCreate creates a network.
func (c *Client) NetworkCreate(ctx context.Context, body network.CreateRequest) (r network.CreateResponse, err error) {
	err = c.do(ctx, call{method: "POST", path: "/networks/create", body: body}, &r)
	return r, err
}

// NetworkRemove removes a network.
func (c *Client) NetworkRemove(ctx context.Context, name string) error {
	return c.do(ctx, call{method: "DELETE", path: "/networks/" + name}, nil)
}

// NetworkConnect connects a container to a network.
func (c *Client) NetworkConnect(ctx context.Context, name, container string, endpoint *network.EndpointSettings) error {
	body := network.ConnectRequest{Container: container, EndpointConfig: endpoint}
	return c.do(ctx, call{method: "POST", path: "/networks/" + name + "/connect", body: body}, nil)
}

// NetworkDisconnect disconnects a container from a network.
func (c *Client) NetworkDisconnect(ctx context.Context, name, container string, force bool) error {
	body := network.DisconnectRequest{Container: container, Force: force}
	return c.do(ctx, call{method: "POST", path: "/networks/" + name + "/disconnect", body: body}, nil)
}

// NetworkPrune removes networks without containers and returns their names.
func (c *Client) NetworkPrune(ctx context.Context, f Filters) ([]string, error) {
	q := url.Values{}
	f.set(q)
	var r struct{ NetworksDeleted []string }
	err := c.do(ctx, call{method: "POST", path: "/networks/prune", query: q}, &r)
	return r.NetworksDeleted, err
}
