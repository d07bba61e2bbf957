package client

import (
	"context"
	"encoding/json"

	"github.com/moby/moby/api/types/build"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/image"
	"github.com/moby/moby/api/types/volume"

	"box/netapi/wire"
)

// Info returns the daemon's JSON about itself as it came.
func (c *Client) Info(ctx context.Context) (raw json.RawMessage, err error) {
	err = c.do(ctx, call{method: "GET", path: "/info"}, &raw)
	return raw, err
}

// DiskUsage is what takes space, in the shape that every version of the API still sends.
type DiskUsage struct {
	LayersSize int64
	Images     []image.Summary
	Containers []container.Summary
	Volumes    []volume.Volume
	BuildCache []build.CacheRecord
}

// DiskUsage measures what takes space.
func (c *Client) DiskUsage(ctx context.Context) (u DiskUsage, err error) {
	err = c.do(ctx, call{method: "GET", path: "/system/df"}, &u)
	return u, err
}

// BuildPrune drops the build cache; all drops what images still use, too.
func (c *Client) BuildPrune(ctx context.Context, all bool, f Filters) (r build.CachePruneReport, err error) {
	q := map[string][]string{}
	setBool(q, "all", all)
	f.set(q)
	err = c.do(ctx, call{method: "POST", path: "/build/prune", query: q}, &r)
	return r, err
}

// Login asks the daemon to check credentials with their registry. token, where given, replaces the password.
func (c *Client) Login(ctx context.Context, a wire.Auth) (status, token string, err error) {
	var r struct{ Status, IdentityToken string }
	err = c.do(ctx, call{method: "POST", path: "/auth", body: a}, &r)
	return r.Status, r.IdentityToken, err
}
