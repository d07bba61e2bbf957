package version

import (
	"encoding/json"

	api "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/image"
	"github.com/moby/moby/api/types/storage"

	"box/engine"
	"box/netapi/wire"
)

// oldImage is an image in a list before 1.44.
type oldImage struct {
	*image.Summary
	VirtualSize int64
}

// ImageSummary returns an image in a list with the fields of a version. Before 1.43 images without names had "<none>"
// as their name.
func ImageSummary(s *image.Summary, v Version) any {
	if v < 43 && len(s.RepoTags) == 0 && len(s.RepoDigests) == 0 {
		s.RepoTags, s.RepoDigests = []string{"<none>:<none>"}, []string{"<none>@<none>"}
	}
	if v < 44 {
		return oldImage{s, s.Size}
	}
	return s
}

// oldImageInspect is an image's inspection before 1.52. Pointers and Config differ between still older versions.
type oldImageInspect struct {
	ID              string `json:"Id"`
	RepoTags        []string
	RepoDigests     []string
	Parent          string
	Comment         string
	Created         string  `json:",omitempty"`
	Container       *string `json:",omitempty"`
	ContainerConfig *api.Config
	DockerVersion   string
	Author          string
	Config          any
	Architecture    string
	Variant         string `json:",omitempty"`
	Os              string
	OsVersion       string `json:",omitempty"`
	Size            int64
	VirtualSize     *int64 `json:",omitempty"`
	GraphDriver     *storage.DriverData
	RootFS          image.RootFS
	Metadata        image.Metadata
}

// newImageInspect adds ContainerConfig. 1.45 dropped it, but Compose 1.29 uses the daemon's newest version and requires
// it.
type newImageInspect struct {
	image.InspectResponse
	ContainerConfig *api.Config
}

// containerConfig returns the configuration of the container that the image was committed from, or an empty one.
func containerConfig(i *engine.ImageInspect) *api.Config {
	var c struct {
		api.Config
		Cmd, Entrypoint, Shell engine.Command
	}
	if len(i.Old.ContainerConfig) > 0 && json.Unmarshal(i.Old.ContainerConfig, &c) == nil {
		c.Config.Cmd, c.Config.Entrypoint, c.Config.Shell = c.Cmd, c.Entrypoint, c.Shell
	}
	return &c.Config
}

// ImageInspect returns an image's inspection with the fields of a version.
func ImageInspect(i *engine.ImageInspect, v Version) (any, error) {
	if v >= 52 {
		return newImageInspect{i.InspectResponse, containerConfig(i)}, nil
	}
	old := oldImageInspect{
		ID: i.ID, RepoTags: i.RepoTags, RepoDigests: i.RepoDigests, Parent: i.Parent, Comment: i.Comment, Created: i.Created,
		DockerVersion: i.Old.DockerVersion,
		Author:        i.Author, Config: i.Config, Architecture: i.Architecture, Variant: i.Variant, Os: i.Os,
		OsVersion: i.OsVersion,
		Size:      i.Size, GraphDriver: i.GraphDriver, RootFS: i.RootFS, Metadata: i.Metadata,
	}
	if v < 50 {
		c, err := oldConfig(i.Config)
		if err != nil {
			return nil, err
		}
		old.Config = c
	}
	old.ContainerConfig = containerConfig(i)
	if v < 45 {
		old.Container = &i.Old.Container
	}
	if v < 44 {
		old.VirtualSize = &i.Size
		if i.Created == "" {
			old.Created = "0001-01-01T00:00:00Z"
		}
	}
	raw, err := wire.Marshal(old)
	if err != nil {
		return nil, err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return nil, err
	}
	return fields, ShapeFields(fields, imageFields, v)
}

// oldConfig converts an image's configuration to that of a container, which it was before 1.50.
func oldConfig(config any) (*api.Config, error) {
	raw, err := wire.Marshal(config)
	if err != nil {
		return nil, err
	}
	var c api.Config
	return &c, json.Unmarshal(raw, &c)
}
