package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/containerd/errdefs"
	api "github.com/moby/moby/api/types/registry"
)

// searchHost answers searches of Docker Hub.
const searchHost = "index.docker.io"

// Search searches a registry's index for repositories; a term HOST/TERM searches that host. This oldest part of the
// protocol is missing in many registries.
func (c *Client) Search(ctx context.Context, term string, limit int, auth Auth) ([]api.SearchResult, error) {
	host := searchHost
	if first, rest, ok := strings.Cut(term, "/"); ok && (strings.ContainsAny(first, ".:") || first == "localhost") {
		host, term = hostOf(first), strings.TrimPrefix(rest, "library/")
		if host == hubHost {
			host = searchHost
		}
	}
	end, _, err := c.ping(ctx, host)
	if err != nil {
		return nil, err
	}
	q := url.Values{"q": {term}, "n": {strconv.Itoa(limit)}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet,
		strings.TrimSuffix(end.base, "v2/")+"v1/search?"+q.Encode(), nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", err, errdefs.ErrInvalidArgument)
	}
	req.Header.Set("User-Agent", c.o.Agent)
	if user, password := (&authorizer{user: auth}).names(); user != "" {
		req.SetBasicAuth(user, password)
	}
	res, err := end.http.Do(req)
	if err != nil {
		return nil, transport(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, &told{fmt.Sprintf("Unexpected status code %d", res.StatusCode), errdefs.ErrUnknown}
	}
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxManifest))
	if err != nil {
		return nil, transport(err)
	}
	var found api.SearchResults
	if json.Unmarshal(raw, &found) != nil {
		return nil, unexpected(res, raw)
	}
	return found.Results, nil
}

// Config describes the registries for `docker info`.
func (c *Client) Config() *api.ServiceConfig {
	s := &api.ServiceConfig{
		InsecureRegistryCIDRs: []netip.Prefix{netip.MustParsePrefix("::1/128"), netip.MustParsePrefix("127.0.0.0/8")},
		IndexConfigs: map[string]*api.IndexInfo{hubDomain: {Name: hubDomain, Mirrors: []string{}, Secure: true,
			Official: true}},
		Mirrors: []string{},
	}
	for _, m := range c.o.Mirrors {
		s.Mirrors = append(s.Mirrors, strings.TrimSuffix(m, "/")+"/")
	}
	s.IndexConfigs[hubDomain].Mirrors = s.Mirrors
	for _, i := range c.o.Insecure {
		if p, err := netip.ParsePrefix(i); err == nil {
			s.InsecureRegistryCIDRs = append(s.InsecureRegistryCIDRs, p)
		} else {
			s.IndexConfigs[i] = &api.IndexInfo{Name: i, Mirrors: []string{}}
		}
	}
	return s
}
