package registry

import (
	"net/http"
	"sync"
	"time"

	api "github.com/moby/moby/api/types/registry"

	"box/engine/reference"
)

// Limits on what a registry may send. Each is far above what an image needs.
const (
	maxManifest = 4 << 20 // bytes of a manifest or an index
	maxConfig   = 8 << 20 // bytes of an image's configuration
	maxAnswer   = 1 << 20 // bytes of a token, an error, a page of tags
	maxLayers   = 125
	maxNested   = 4       // nesting of indexes
	maxTags     = 1 << 14 // tags of one repository
	maxBlob     = 1 << 42 // bytes of a layer
)

// Options configures a Client; a zero field means the default noted next to it.
type Options struct {
	// Hosts (with or without port) and networks (CIDR) that may lack TLS or a trusted certificate, besides loopback
	Insecure  []string
	Mirrors   []string      // URLs to ask for images of Docker Hub first
	Certs     string        // /etc/docker/certs.d
	Agent     string        // User-Agent
	Downloads int           // simultaneous layers; 3
	Uploads   int           // 5
	Attempts  int           // 5; for a transfer without progress
	Backoff   time.Duration // 5 s; multiplied by the number of attempts
	Idle      time.Duration // 1 minute; a transfer without a byte for so long is broken off
}

// Client talks to registries. It may be used from any goroutine.
type Client struct {
	o         Options
	downloads chan struct{}
	uploads   chan struct{}

	mu    sync.Mutex
	hosts map[string]*http.Client // by scheme and host
}

// New makes a client. Close closes its idle connections.
func New(o Options) *Client {
	set := func(n *int, d int) {
		if *n == 0 {
			*n = d
		}
	}
	set(&o.Downloads, 3)
	set(&o.Uploads, 5)
	set(&o.Attempts, 5)
	if o.Backoff == 0 {
		o.Backoff = 5 * time.Second
	}
	if o.Idle == 0 {
		o.Idle = time.Minute
	}
	if o.Certs == "" {
		o.Certs = "/etc/docker/certs.d"
	}
	return &Client{o: o, downloads: make(chan struct{}, o.Downloads), uploads: make(chan struct{}, o.Uploads),
		hosts: map[string]*http.Client{}}
}

// Close closes idle connections.
func (c *Client) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, h := range c.hosts {
		h.CloseIdleConnections()
	}
}

// Auth holds a user's credentials for a registry; the zero value means anonymous.
type Auth = api.AuthConfig

// Line is one progress line of a transfer.
type Line struct {
	ID             string // the layer that the line is about: 12 digits
	Status         string
	Current, Total int64
	Plain          bool // the line has an ID but is not about a layer
	Aux            any  // data for programs
}

// Tell receives lines, one call at a time. Its error ends the transfer.
type Tell func(Line) error

// repository is a repository at a registry, accessed by one user during one transfer.
type repository struct {
	c    *Client
	ref  reference.Named
	end  endpoint
	auth authorizer
}

// path returns the repository's name at the registry.
func (r *repository) path() string { return r.ref.Path }

// url returns an address within the repository.
func (r *repository) url(rest string) string { return r.end.base + r.path() + "/" + rest }
