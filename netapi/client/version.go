package client

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/moby/moby/api/types/system"
)

// spoken is the version in use, and whether the daemon is known to have it.
func (c *Client) spoken() (version string, agreed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.version, c.agreed
}

func (c *Client) agree(version string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.version, c.agreed = version, true
}

// Version is the API version that client and daemon both have; it asks the daemon when no call has yet.
// It serves requests whose shape depends on the version.
func (c *Client) Version(ctx context.Context) (string, error) {
	version, agreed := c.spoken()
	if agreed {
		return version, nil
	}
	ping, err := c.Ping(ctx)
	if err != nil {
		return "", err
	}
	switch {
	case ping.APIVersion == "":
		version = "1.24" // a daemon from before the header
	case older(ping.APIVersion, version):
		version = ping.APIVersion
	}
	c.agree(version)
	return version, nil
}

// AtLeast says whether the agreed version is min or newer. Before agreement it asks the daemon.
func (c *Client) AtLeast(ctx context.Context, min string) (bool, error) {
	version, err := c.Version(ctx)
	return err == nil && !older(version, min), err
}

// older compares two versions number by number.
func older(a, b string) bool {
	for a != "" || b != "" {
		var x, y string
		x, a, _ = strings.Cut(a, ".")
		y, b, _ = strings.Cut(b, ".")
		// a part that is no number counts as 0: the daemon will refuse such a version itself
		m, _ := strconv.Atoi(x)
		n, _ := strconv.Atoi(y)
		if m != n {
			return m < n
		}
	}
	return false
}

// Ping is what the headers of /_ping say.
type Ping struct {
	APIVersion     string
	OSType         string
	Experimental   bool
	BuilderVersion string
}

// Ping asks whether the daemon is there. HEAD is tried first; daemons before 1.40 know GET alone.
func (c *Client) Ping(ctx context.Context) (Ping, error) {
	res, err := c.try(ctx, call{method: "HEAD", path: "/_ping"}, "")
	if err == nil && res.StatusCode != http.StatusOK {
		res.Body.Close()
		res, err = c.try(ctx, call{method: "GET", path: "/_ping"}, "")
	}
	if err != nil {
		return Ping{}, err
	}
	if res.StatusCode != http.StatusOK {
		return Ping{}, answerError(res)
	}
	defer res.Body.Close()
	h := res.Header
	return Ping{h.Get("Api-Version"), h.Get("Ostype"), h.Get("Docker-Experimental") == "true", h.Get("Builder-Version")},
		nil
}

// ServerVersion asks the daemon what it is.
func (c *Client) ServerVersion(ctx context.Context) (v system.VersionResponse, err error) {
	err = c.do(ctx, call{method: "GET", path: "/version"}, &v)
	return v, err
}
