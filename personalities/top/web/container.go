package web

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/moby/moby/api/types/container"

	"box/engine/stats/sample"
	"box/netapi/client"
)

// inspected is the part of an inspection that the page shows. Addresses are texts, because old daemons send some in
// formats that the current types do not parse.
type inspected struct {
	Path       string
	Args       []string
	Driver     string
	HostConfig struct {
		container.Resources
		NetworkMode    string
		RestartPolicy  container.RestartPolicy
		LogConfig      struct{ Type string }
		Privileged     bool
		ReadonlyRootfs bool
		CapAdd         []string
		CapDrop        []string
		SecurityOpt    []string
		Runtime        string
	}
	Mounts []struct {
		Type, Name, Source, Destination, Mode string
		RW                                    bool
	}
	Config struct {
		Hostname, User, WorkingDir, StopSignal string
		Env                                    []string
		Tty                                    bool
		Labels                                 map[string]string
		Healthcheck                            *struct{ Test []string }
	}
	NetworkSettings struct {
		Networks map[string]*struct{ IPAddress, GlobalIPv6Address, MacAddress string }
	}
	State struct {
		Pid    int
		Error  string
		Health *struct {
			Status        string
			FailingStreak int
			Log           []struct {
				Start    string
				ExitCode int
				Output   string
			}
		}
	}
}

// inspect asks the daemon of a host about a container.
func inspect(ctx context.Context, api *client.Client, id string) (out inspected, err error) {
	raw, err := api.ContainerInspect(ctx, id, false)
	if err != nil {
		return out, err
	}
	return out, json.Unmarshal(raw, &out)
}

// variable is one of a container's environment. Values are for holders.
type variable struct {
	Name  string
	Value *string `json:",omitempty"`
}

// container returns all about a container that does not change each second.
func (s *Server) container(w http.ResponseWriter, r *http.Request) error {
	h, id, err := s.hostContainer(r)
	if err != nil {
		return err
	}
	out := struct {
		inspected
		Env    []variable
		Hidden bool // values of Env are left out
		Sample *sample.Container
	}{Hidden: s.checkHolder(r) != nil, Env: []variable{}}
	api, free := h.Client(), func() {}
	if !out.Hidden {
		if api, free, err = s.clientFor(r, h); err != nil {
			return err
		}
	}
	defer free()
	if out.inspected, err = inspect(r.Context(), api, id); err != nil {
		return err
	}
	for _, e := range out.Config.Env {
		name, value, _ := strings.Cut(e, "=")
		v := variable{Name: name}
		if !out.Hidden {
			v.Value = &value
		}
		out.Env = append(out.Env, v)
	}
	out.Config.Env = nil
	if set := h.State().Set; set != nil {
		if i := slices.IndexFunc(set.Containers, func(c sample.Container) bool { return c.ID == id }); i >= 0 {
			out.Sample = &set.Containers[i]
		}
	}
	return reply(w, out)
}

// processes lists the processes of a container.
func (s *Server) processes(w http.ResponseWriter, r *http.Request) error {
	h, id, err := s.hostContainer(r)
	if err != nil {
		return err
	}
	list, err := h.Client().ContainerTop(r.Context(), id, "")
	if err != nil {
		return err
	}
	return reply(w, list)
}
