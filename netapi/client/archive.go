package client

import (
	"context"
	"io"
	"net/url"

	"box/netapi/wire"
)

// StatPath describes a file in a container.
func (c *Client) StatPath(ctx context.Context, id, path string) (wire.PathStat, error) {
	res, err := c.send(ctx, call{method: "HEAD", path: "/containers/" + id + "/archive",
		query: url.Values{"path": {path}}})
	if err != nil {
		return wire.PathStat{}, err
	}
	res.Body.Close()
	return wire.DecodePathStat(res.Header.Get(wire.PathStatHeader))
}

// CopyFrom streams a file or folder of a container as tar. Names in it start with the base name of path.
func (c *Client) CopyFrom(ctx context.Context, id, path string) (io.ReadCloser, wire.PathStat, error) {
	res, err := c.send(ctx, call{method: "GET", path: "/containers/" + id + "/archive", query: url.Values{"path": {path}}})
	if err != nil {
		return nil, wire.PathStat{}, err
	}
	stat, err := wire.DecodePathStat(res.Header.Get(wire.PathStatHeader))
	if err != nil {
		res.Body.Close()
		return nil, stat, err
	}
	return res.Body, stat, nil
}

// CopyTo unpacks a tar into an existing folder of a container. If copyOwner is set, files get the owners in the
// archive.
func (c *Client) CopyTo(ctx context.Context, id, folder string, tar io.Reader, copyOwner bool) error {
	q := url.Values{"path": {folder}, "noOverwriteDirNonDir": {"true"}}
	if copyOwner {
		q.Set("copyUIDGID", "true")
	}
	return c.do(ctx, call{method: "PUT", path: "/containers/" + id + "/archive", query: q, body: tar}, nil)
}

// ContainerExport streams all files of a container as tar.
func (c *Client) ContainerExport(ctx context.Context, id string) (io.ReadCloser, error) {
	return c.stream(ctx, call{method: "GET", path: "/containers/" + id + "/export"})
}
