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
	maxNested   = 4       // indexes in one another
	maxTags     = 1 << 14 // of one repository
	maxBlob     = 1 << 42 // bytes of a layer
)

// Options are what a client is made with; the zero value of a field means the default that stands beside it.
type Options struct {
	// Hosts, with or without port, and networks (CIDR) that may lack TLS or a certificate to trust; loopback always is
	Insecure  []string
	Mirrors   []string      // URLs that are asked for images of Docker Hub before it
	Certs     string        // /etc/docker/certs.d
	Agent     string        // User-Agent
	Downloads int           // layers at once: 3
	Uploads   int           // 5
	Attempts  int           // 5, for a transfer that makes no progress
	Backoff   time.Duration // 5 s, and as much more after each attempt
	Idle      time.Duration // 1 minute without a byte breaks a transfer
}

// Client talks to registries. It may be used from any goroutine.
type Client struct {
	o         Options
	downloads chan struct{}
	uploads   chan struct{}

	mu    sync.Mutex
	hosts map[string]*http.Client // by scheme and host
}

// New makes a client. Close ends its idle connections.
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

// Close ends connections that nothing is sent over.
func (c *Client) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, h := range c.hosts {
		h.CloseIdleConnections()
	}
}

// Auth is how a user is known to a registry; the zero value is nobody.
type Auth = api.AuthConfig

// Line is one line of what a transfer tells.
type Line struct {
	ID             string // of the layer that the line is about: 12 digits
	Status         string
	Current, Total int64
	Plain          bool // the line has an ID and is not about a layer
	Aux            any  // for programs
}

// Tell takes lines, from one goroutine at a time. Its error ends the transfer.
type Tell func(Line) error

// repository is one repository at a registry, as one user sees it during one transfer.
type repository struct {
	c    *Client
	ref  reference.Named
	end  endpoint
	auth authorizer
}

// path is what the registry calls it.
func (r *repository) path() string { return r.ref.Path }

// url is an address within the repository.
func (r *repository) url(rest string) string { return r.end.base + r.path() + "/" + rest }
