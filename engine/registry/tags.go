package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/containerd/errdefs"

	"box/engine/reference"
)

// tags lists the tags of a repository, page by page (OCI distribution-spec, "Listing Tags").
func (r *repository) tags(ctx context.Context) ([]reference.Named, error) {
	var all []reference.Named
	next := r.url("tags/list")
	for next != "" {
		res, err := r.do(ctx, call{method: http.MethodGet, url: next, scopes: r.pulling()})
		if err != nil {
			return nil, err
		}
		page, err := r.page(res)
		if err != nil {
			return nil, err
		}
		if all = append(all, page...); len(all) > maxTags {
			return nil, fmt.Errorf("%s has more than %d tags: %w", r.ref.Name(), maxTags, errdefs.ErrOutOfRange)
		}
		if next, err = r.following(next, res.Header.Get("Link")); err != nil {
			return nil, err
		}
		if len(page) == 0 {
			break
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s has no tags: %w", r.ref.Name(), errdefs.ErrNotFound)
	}
	return all, nil
}

// page reads one page and closes the reply.
func (r *repository) page(res *http.Response) (list []reference.Named, err error) {
	defer drain(res)
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return nil, transport(err)
	}
	var body struct {
		Tags []string `json:"tags"`
	}
	if json.Unmarshal(raw, &body) != nil {
		return nil, unexpected(res, raw)
	}
	for _, t := range body.Tags {
		ref, err := r.ref.WithTag(t)
		if err != nil {
			return nil, fmt.Errorf("tag %q of %s: %w: %w", oneLine(t), r.ref.Name(), err, errdefs.ErrInvalidArgument)
		}
		list = append(list, ref)
	}
	return list, nil
}

// following returns the address of the next page, on the same host, from a Link header: `<...>; rel="next"`.
func (r *repository) following(at, link string) (string, error) {
	target, rest, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(link), "<"), ">")
	if !ok || !strings.Contains(rest, "next") {
		return "", nil
	}
	return r.resolve(at, target)
}

// resolve resolves an address that the registry gave. It may be relative but not on another host, since credentials
// go there.
func (r *repository) resolve(at, target string) (string, error) {
	base, err := url.Parse(at)
	if err != nil {
		return "", err
	}
	u, err := base.Parse(target)
	if err != nil || u.Host != base.Host || u.Scheme != base.Scheme {
		return "", fmt.Errorf("registry %s leads to %q: %w", r.end.host, oneLine(target), errdefs.ErrUnknown)
	}
	return u.String(), nil
}
