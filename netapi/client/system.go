package client

import (
	"context"
	"encoding/json"
	"io"
	"net/url"

	"github.com/moby/moby/api/types/build"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/image"
	"github.com/moby/moby/api/types/system"
	"github.com/moby/moby/api/types/volume"

	"box/netapi/wire"
)

// Info returns the daemon's JSON about itself as it was received.
func (c *Client) Info(ctx context.Context) (raw json.RawMessage, err error) {
	err = c.do(ctx, call{method: "GET", path: "/info"}, &raw)
	return raw, err
}

// DiskUsage lists the objects that take space.
type DiskUsage struct {
	LayersSize int64
	Images     []image.Summary
	Containers []container.Summary
	Volumes    []volume.Volume
	BuildCache []build.CacheRecord
}

// DiskUsage asks for the objects that take space. From 1.52 on they are grouped.
func (c *Client) DiskUsage(ctx context.Context) (DiskUsage, error) {
	type groups = system.DiskUsage
	var u struct {
		DiskUsage
		groups
	}
	err := c.do(ctx, call{method: "GET", path: "/system/df", query: map[string][]string{"verbose": {"1"}}}, &u)
	out := u.DiskUsage
	if i := u.ImageUsage; i != nil {
		out.Images, out.LayersSize = i.Items, i.TotalSize
	}
	if c := u.ContainerUsage; c != nil {
		out.Containers = c.Items
	}
	if v := u.VolumeUsage; v != nil {
		out.Volumes = v.Items
	}
	if b := u.BuildCacheUsage; b != nil {
		out.BuildCache = b.Items
	}
	return out, err
}

// BuildPrune removes unused build cache, or all of it.
func (c *Client) BuildPrune(ctx context.Context, all bool, f Filters) (r build.CachePruneReport, err error) {
	q := map[string][]string{}
	setBool(q, "all", all)
	f.set(q)
	err = c.do(ctx, call{method: "POST", path: "/build/prune", query: q}, &r)
	return r, err
}

// Login makes the daemon check credentials with their registry. If token is not empty, it replaces the password.
func (c *Client) Login(ctx context.Context, a wire.Auth) (status, token string, err error) {
	var r struct{ Status, IdentityToken string }
	err = c.do(ctx, call{method: "POST", path: "/auth", body: a}, &r)
	return r.Status, r.IdentityToken, err
}

// Migrate moves what the storage driver from has to the daemon's own, to. The reply is a progress stream. Daemons of
// Docker do not know this call.
func (c *Client) Migrate(ctx context.Context, from, to string, keep bool, options []string) (io.ReadCloser, error) {
	q := url.Values{"from": {from}}
	setString(q, "to", to)
	setBool(q, "keep", keep)
	for _, o := range options {
		q.Add("storage-opt", o)
	}
	return c.stream(ctx, call{method: "POST", path: "/system/migrate", query: q})
}
