// Package request checks requests to create or change a container, and completes them from the image and the daemon's
// defaults. It has no side effects, and gets what it needs to know about the host as values, so that its rules are
// tested by tables, without root.
package request

import (
	api "github.com/moby/moby/api/types/container"
	apinetwork "github.com/moby/moby/api/types/network"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"box/engine/refuse"
)

// Create is a request to create a container.
type Create struct {
	Name       string // "" for one that is made up
	Config     *api.Config
	Host       *api.HostConfig
	Networking *apinetwork.NetworkingConfig
	Platform   *ocispec.Platform // that the image must be for; nil for any
	Shallow    bool              // read-only binds leave what is mounted below them writable
}

// Check refuses what is invalid whatever the image and the daemon are: missing parts, and options that contradict each
// other.
func (q *Create) Check() error {
	if q.Config == nil {
		return refuse.Invalid("Config cannot be empty in order to create a container")
	}
	if q.Host == nil {
		q.Host = &api.HostConfig{}
	}
	return conflicts(q.Config, q.Host)
}
