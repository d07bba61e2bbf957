package client

import (
	"context"
	"encoding/json"
	"net/url"

	"github.com/moby/moby/api/types/volume"
)

// VolumeList lists volumes; Warnings name the drivers that did not answer.
func (c *Client) VolumeList(ctx context.Context, f Filters) (r volume.ListResponse, err error) {
	q := url.Values{}
	f.set(q)
	err = c.do(ctx, call{method: "GET", path: "/volumes", query: q}, &r)
	return r, err
}

// VolumeCreate makes a volume, or returns the one that has the name.
func (c *Client) VolumeCreate(ctx context.Context, body volume.CreateRequest) (v volume.Volume, err error) {
	err = c.do(ctx, call{method: "POST", path: "/volumes/create", body: body}, &v)
	return v, err
}

// VolumeInspect returns the daemon's JSON about a volume as it came.
func (c *Client) VolumeInspect(ctx context.Context, name string) (raw json.RawMessage, err error) {
	err = c.do(ctx, call{method: "GET", path: "/volumes/" + name}, &raw)
	return raw, err
}

// VolumeRemove removes a volume that no container uses.
func (c *Client) VolumeRemove(ctx context.Context, name string, force bool) error {
	q := url.Values{}
	setBool(q, "force", force)
	return c.do(ctx, call{method: "DELETE", path: "/volumes/" + name, query: q}, nil)
}

// VolumePrune removes unused volumes; the filter all=true includes named ones (from 1.42; before, it always did).
func (c *Client) VolumePrune(ctx context.Context, f Filters) (r volume.PruneReport, err error) {
	q := url.Values{}
	f.set(q)
	err = c.do(ctx, call{method: "POST", path: "/volumes/prune", query: q}, &r)
	return r, err
}
