package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/containerd/errdefs"
	api "github.com/moby/moby/api/types/registry"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"box/engine/reference"
)

// Login checks auth with the registry auth.ServerAddress. If the registry issues an identity token, it is returned
// and replaces the password from then on.
func (c *Client) Login(ctx context.Context, auth Auth) (identity string, err error) {
	end, challenges, err := c.ping(ctx, hostOf(auth.ServerAddress))
	if err != nil {
		return "", err
	}
	r := &repository{c: c, end: end}
	r.auth = authorizer{c: c, end: end, user: auth, login: true, challenges: challenges}
	res, err := r.do(ctx, call{method: http.MethodGet, url: end.base})
	var f *failure
	if errors.As(err, &f) && f.status == http.StatusUnauthorized {
		text := fmt.Sprintf("login attempt to %s failed with status: 401 Unauthorized", end.base)
		if len(challenges) > 0 && challenges[0].scheme == "bearer" {
			text = fmt.Sprintf("Get %q: %v", end.base, f)
		}
		return "", &told{text, errdefs.ErrUnauthenticated}
	}
	if err != nil {
		return "", err
	}
	drain(res)
	return r.auth.identity, nil
}

// Inspect describes what a registry has under a name, without pulling it.
func (c *Client) Inspect(ctx context.Context, ref reference.Named, auth Auth) (*api.DistributionInspect, error) {
	r, err := c.connect(ctx, ref, auth)
	if err != nil {
		return nil, err
	}
	name, _ := nameOf(ref)
	m, err := r.manifest(ctx, name)
	if err != nil {
		return nil, err
	}
	d := &api.DistributionInspect{Descriptor: m.descriptor(), Platforms: []ocispec.Platform{}}
	for _, one := range m.Manifests {
		if one.Platform != nil {
			d.Platforms = append(d.Platforms, *one.Platform)
		}
	}
	if isIndex(m.kind) {
		return d, nil
	}
	raw, err := r.bytes(ctx, m.Config)
	if err != nil {
		return nil, err
	}
	var p ocispec.Platform
	if err := json.Unmarshal(raw, &p); err != nil {
		return nil, fmt.Errorf("configuration of %s: %w: %w", ref, err, errdefs.ErrInvalidArgument)
	}
	d.Platforms = append(d.Platforms, p)
	return d, nil
}
