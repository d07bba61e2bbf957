package client

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/moby/moby/api/types/system"
)

// spoken returns the version in use, and whether the daemon is known to accept it.
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

// Version returns the API version in use. It asks the daemon if no call has been sent yet.
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

// AtLeast tells whether the API version in use is min or newer.
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
		// a part that is not a number counts as 0; the daemon will refuse it
		m, _ := strconv.Atoi(x)
		n, _ := strconv.Atoi(y)
		if m != n {
			return m < n
		}
	}
	return false
}

// Ping is the information in the headers of /_ping.
type Ping struct {
	APIVersion     string
	OSType         string
	Experimental   bool
	BuilderVersion string
}

// Ping asks the daemon for its version and type. Daemons before API 1.40 support only GET, so that is tried after HEAD.
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

// ServerVersion returns version information of the daemon.
func (c *Client) ServerVersion(ctx context.Context) (v system.VersionResponse, err error) {
	err = c.do(ctx, call{method: "GET", path: "/version"}, &v)
	return v, err
}
