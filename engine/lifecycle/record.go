// Package lifecycle has the life of a container: its record, its status, the transitions between states, and the locks
// that protect them. Nobody else writes a field of a container.
package lifecycle

import (
	"maps"
	"path"
	"slices"
	"time"

	api "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	apinetwork "github.com/moby/moby/api/types/network"

	"box/engine/request"
	"box/engine/state"
)

// Record is what a container is made from. It is written when the container is created and when its configuration
// changes, and is durable before the reply. What it points to is never changed in place.
type Record struct {
	ID       string
	Name     string // without the slash that the API shows
	Created  time.Time
	Image    string // ID of the image
	Layer    string // chain ID that the root stands on
	Path     string // the program
	Args     []string
	Config   *api.Config
	Host     *api.HostConfig
	Networks map[string]*apinetwork.EndpointSettings // as asked for, by the name of the network
	Mounts   []request.Mount
	Driver   string
	Cgroup   string   // path of its control group in each hierarchy
	Shallow  bool     `json:",omitempty"` // read-only binds leave what is mounted below them writable
	Links    []string `json:",omitempty"` // IDs of the containers in Host.Links, in that order: those may be renamed
}

// Records is the table of all records, by ID.
var Records = state.Table[Record]{Name: "containers"}

// Attributes returns the attributes of the container's events; more are pairs.
func (r *Record) Attributes(more ...string) map[string]string {
	a := map[string]string{}
	if r.Config != nil {
		maps.Copy(a, r.Config.Labels)
		a["image"] = r.Config.Image
	}
	a["name"] = r.Name
	for i := 0; i+1 < len(more); i += 2 {
		a[more[i]] = more[i+1]
	}
	return a
}

// Uses tells whether the container was made from an image, or mounts it.
func (r *Record) Uses(image string) bool {
	return r.Image == image || slices.ContainsFunc(r.Mounts, func(m request.Mount) bool {
		return m.Type == mount.TypeImage && m.Spec.Source == image
	})
}

// Volumes returns the names of the volumes, each once.
func (r *Record) Volumes() []string {
	var names []string
	for _, m := range r.Mounts {
		if m.Type == mount.TypeVolume && !slices.Contains(names, m.Name) {
			names = append(names, m.Name)
		}
	}
	return names
}

// LinkIndex returns the index of the link with an alias, or -1.
func (r *Record) LinkIndex(alias string) int {
	known := r.Host.Links[:min(len(r.Host.Links), len(r.Links))]
	return slices.IndexFunc(known, func(l string) bool { return path.Base(l) == alias })
}
