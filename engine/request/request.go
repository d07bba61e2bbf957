// Package request checks what a client asks for when it makes or changes a container, and completes it from the image
// and the daemon's defaults. It is pure: what it must know of the host comes in as values, so that every rule is
// tested by tables, without root.
package request

import (
	api "github.com/moby/moby/api/types/container"
	apinetwork "github.com/moby/moby/api/types/network"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"box/engine/refuse"
)

// Create is what a container is to be made from.
type Create struct {
	Name       string // "" for one that is made up
	Config     *api.Config
	Host       *api.HostConfig
	Networking *apinetwork.NetworkingConfig
	Platform   *ocispec.Platform // that the image must be for; nil for any
	Shallow    bool              // read-only binds leave what is mounted below them writable
}

// Check refuses what is wrong whatever the image and the daemon are: what is missing, and options that contradict
// each other.
func (q *Create) Check() error {
	if q.Config == nil {
		return refuse.Invalid("Config cannot be empty in order to create a container")
	}
	if q.Host == nil {
		q.Host = &api.HostConfig{}
	}
	return conflicts(q.Config, q.Host)
}
