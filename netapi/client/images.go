package client

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/moby/moby/api/types/image"
	"github.com/moby/moby/api/types/registry"

	"box/netapi/wire"
)

// ImageList lists images. sharedSize makes the daemon compute shared sizes, which is expensive.
func (c *Client) ImageList(ctx context.Context, all, sharedSize bool, f Filters) (list []image.Summary, err error) {
	q := url.Values{}
	setBool(q, "all", all)
	setBool(q, "shared-size", sharedSize)
	f.set(q)
	err = c.do(ctx, call{method: "GET", path: "/images/json", query: q}, &list)
	return list, err
}

// ImageInspect returns the daemon's JSON about an image as it was received.
func (c *Client) ImageInspect(ctx context.Context, name, platform string) (raw json.RawMessage, err error) {
	q := url.Values{}
	setString(q, "platform", platform)
	err = c.do(ctx, call{method: "GET", path: "/images/" + name + "/json", query: q}, &raw)
	return raw, err
}

// ImageHistory lists the steps that made an image, newest first.
func (c *Client) ImageHistory(ctx context.Context, name, platform string) (list []image.HistoryResponseItem,
	err error) {
	q := url.Values{}
	setString(q, "platform", platform)
	err = c.do(ctx, call{method: "GET", path: "/images/" + name + "/history", query: q}, &list)
	return list, err
}

// ImageTag adds a name to an image.
func (c *Client) ImageTag(ctx context.Context, source, repo, tag string) error {
	q := url.Values{"repo": {repo}}
	setString(q, "tag", tag)
	return c.do(ctx, call{method: "POST", path: "/images/" + source + "/tag", query: q}, nil)
}

// ImageRemove removes a name from an image, and deletes the image if that was the last name.
func (c *Client) ImageRemove(ctx context.Context, name string, force, noPrune bool,
	platforms []string) (list []image.DeleteResponse, err error) {
	q := url.Values{}
	setBool(q, "force", force)
	setBool(q, "noprune", noPrune)
	for _, p := range platforms {
		q.Add("platforms", p)
	}
	err = c.do(ctx, call{method: "DELETE", path: "/images/" + name, query: q}, &list)
	return list, err
}

// ImagePrune deletes unused images.
func (c *Client) ImagePrune(ctx context.Context, f Filters) (r image.PruneReport, err error) {
	q := url.Values{}
	f.set(q)
	err = c.do(ctx, call{method: "POST", path: "/images/prune", query: q}, &r)
	return r, err
}

// ImageLoad sends an archive of images. The reply is a progress stream.
func (c *Client) ImageLoad(ctx context.Context, archive io.Reader, quiet bool, platforms []string) (io.ReadCloser,
	error) {
	q := url.Values{"quiet": {"0"}}
	if quiet {
		q.Set("quiet", "1")
	}
	for _, p := range platforms {
		q.Add("platform", p)
	}
	return c.stream(ctx, call{method: "POST", path: "/images/load", query: q, body: archive,
		header: http.Header{"Content-Type": {"application/x-tar"}}})
}

// ImageSave streams an archive of images.
func (c *Client) ImageSave(ctx context.Context, names, platforms []string) (io.ReadCloser, error) {
	q := url.Values{"names": names}
	for _, p := range platforms {
		q.Add("platform", p)
	}
	return c.stream(ctx, call{method: "GET", path: "/images/get", query: q})
}

// ImagePull pulls an image. tag may be a digest. The reply is a progress stream.
func (c *Client) ImagePull(ctx context.Context, repo, tag, platform string, auth wire.Auth) (io.ReadCloser, error) {
	q := url.Values{"fromImage": {repo}}
	setString(q, "tag", tag)
	setString(q, "platform", platform)
	return c.withAuth(ctx, call{method: "POST", path: "/images/create", query: q}, auth)
}

// ImagePush pushes an image. The reply is a progress stream.
func (c *Client) ImagePush(ctx context.Context, repo, tag, platform string, auth wire.Auth) (io.ReadCloser, error) {
	q := url.Values{}
	setString(q, "tag", tag)
	setString(q, "platform", platform)
	return c.withAuth(ctx, call{method: "POST", path: "/images/" + repo + "/push", query: q}, auth)
}

func (c *Client) withAuth(ctx context.Context, k call, auth wire.Auth) (io.ReadCloser, error) {
	value, err := wire.EncodeAuth(auth)
	if err != nil {
		return nil, err
	}
	k.header = http.Header{wire.RegistryAuthHeader: {value}}
	return c.stream(ctx, k)
}

// ImageSearch makes the daemon search the default registry. limit <= 0 means the registry's default.
func (c *Client) ImageSearch(ctx context.Context, term string, limit int, f Filters,
	auth wire.Auth) (list []registry.SearchResult, err error) {
	q := url.Values{"term": {term}}
	if limit > 0 {
		q.Set("limit", strconv.Itoa(limit))
	}
	f.set(q)
	body, err := c.withAuth(ctx, call{method: "GET", path: "/images/search", query: q}, auth)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	if err := json.NewDecoder(io.LimitReader(body, maxReply)).Decode(&list); err != nil {
		return nil, fmt.Errorf("read the results of the search for %s: %w", term, err)
	}
	return list, nil
}

// Import selects what ImageImport imports.
type Import struct {
	Source    string // a URL that the daemon fetches, or "-" for Body
	Body      io.Reader
	Repo, Tag string
	Message   string
	Changes   []string
	Platform  string
}

// ImageImport makes an image with one layer from a tar. The reply is a progress stream.
func (c *Client) ImageImport(ctx context.Context, o Import) (io.ReadCloser, error) {
	q := url.Values{"fromSrc": {o.Source}, "changes": o.Changes}
	setString(q, "repo", o.Repo)
	setString(q, "tag", o.Tag)
	setString(q, "message", o.Message)
	setString(q, "platform", o.Platform)
	k := call{method: "POST", path: "/images/create", query: q}
	if o.Body != nil {
		k.body = o.Body
	}
	return c.stream(ctx, k)
}

// Commit selects what ContainerCommit does.
type Commit struct {
	Container, Repo, Tag, Comment, Author string
	Changes                               []string
	Pause                                 bool
}

// ContainerCommit makes an image from a container and returns its ID.
func (c *Client) ContainerCommit(ctx context.Context, o Commit) (string, error) {
	q := url.Values{"container": {o.Container}, "changes": o.Changes}
	setString(q, "repo", o.Repo)
	setString(q, "tag", o.Tag)
	setString(q, "comment", o.Comment)
	setString(q, "author", o.Author)
	if !o.Pause {
		q.Set("pause", "0")
	}
	var r struct{ Id string }
	err := c.do(ctx, call{method: "POST", path: "/commit", query: q, body: struct{}{}}, &r)
	return r.Id, err
}
