package client

import (
	"context"
	"encoding/json"

	"github.com/moby/moby/api/types/build"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/image"
	"github.com/moby/moby/api/types/system"
	"github.com/moby/moby/api/types/volume"

	"box/netapi/wire"
)

// Info returns the daemon's JSON about itself as it came.
func (c *Client) Info(ctx context.Context) (raw json.RawMessage, err error) {
	err = c.do(ctx, call{method: "GET", path: "/info"}, &raw)
	return raw, err
}

// DiskUsage is what takes space, one by one.
type DiskUsage struct {
	LayersSize int64
	Images     []image.Summary
	Containers []container.Summary
	Volumes    []volume.Volume
	BuildCache []build.CacheRecord
}

// DiskUsage measures what takes space. Since 1.52 the objects come in groups.
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
