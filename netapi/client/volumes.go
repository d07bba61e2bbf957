package client

import (
	"context"
	"encoding/json"
	"net/url"

	"github.com/moby/moby/api/types/volume"
)

// VolumeList lists volumes. Warnings name drivers that did not answer.
func (c *Client) VolumeList(ctx context.Context, f Filters) (r volume.ListResponse, err error) {
	q := url.Values{}
	f.set(q)
	err = c.do(ctx, call{method: "GET", path: "/volumes", query: q}, &r)
	return r, err
}

// VolumeCreate creates a volume, or returns the existing one of that name.
func (c *Client) VolumeCreate(ctx context.Context, body volume.CreateRequest) (v volume.Volume, err error) {
	err = c.do(ctx, call{method: "POST", path: "/volumes/create", body: body}, &v)
	return v, err
}

// VolumeInspect returns the daemon's JSON about a volume as it was received.
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

// VolumePrune removes unused volumes. Named ones are included if the filter all is true, and always before API 1.42.
func (c *Client) VolumePrune(ctx context.Context, f Filters) (r volume.PruneReport, err error) {
	q := url.Values{}
	f.set(q)
	err = c.do(ctx, call{method: "POST", path: "/volumes/prune", query: q}, &r)
	return r, err
}
