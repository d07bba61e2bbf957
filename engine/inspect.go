package engine

import (
	"context"
	"path/filepath"
	"time"

	api "github.com/moby/moby/api/types/container"
	apinetwork "github.com/moby/moby/api/types/network"
	"github.com/moby/moby/api/types/storage"

	"box/engine/endpoint"
	"box/engine/lifecycle"
	"box/engine/network"
	"box/fs"
)

// zeroTime is the API's text for never.
const zeroTime = "0001-01-01T00:00:00Z"

func apiTime(t time.Time) string {
	if t.IsZero() {
		return zeroTime
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// Inspect inspects a container; size adds the sizes of its files.
func (e *Engine) Inspect(ctx context.Context, ref string, size bool) (*api.InspectResponse, error) {
	c, err := e.container(ref)
	if err != nil {
		return nil, err
	}
	rec, st, execs := c.See()
	r := &api.InspectResponse{
		ID: rec.ID, Created: apiTime(rec.Created), Path: rec.Path, Args: rec.Args, State: apiState(&st), Image: rec.Image,
		Name: "/" + rec.Name, RestartCount: st.Restarts, Driver: rec.Driver, Platform: "linux",
		AppArmorProfile: e.profileOf(rec.Host),
		HostConfig:      e.shownHost(&rec), Config: rec.Config, ExecIDs: execs, Mounts: shown(rec.Mounts),
		NetworkSettings: e.networkSettings(&rec, &st),
		GraphDriver:     e.graphDriver(ctx, rec.ID),
	}
	if r.Args == nil {
		r.Args = []string{}
	}
	if !st.Started.IsZero() {
		r.ResolvConfPath, r.HostnamePath, r.HostsPath = e.fileOf(&rec, "resolv.conf"), e.fileOf(&rec, "hostname"),
			e.fileOf(&rec, "hosts")
	}
	if rec.Host.LogConfig.Type == "json-file" && !st.Started.IsZero() {
		r.LogPath = e.logFiles(&rec).Path
	}
	if size {
		own, all := e.sizes(ctx, &rec)
		r.SizeRw, r.SizeRootFs = &own, &all
	}
	return r, nil
}

// fileOf returns the file that a container sees as /etc/name: the engine's, unless the user mounts another one.
func (e *Engine) fileOf(rec *lifecycle.Record, name string) string {
	for _, m := range rec.Mounts {
		if m.Destination == "/etc/"+name {
			return m.Source
		}
	}
	return filepath.Join(e.dir(rec.ID), name)
}

func apiState(st *lifecycle.Status) *api.State {
	return &api.State{
		Status: st.State, Running: st.Running() || st.State == api.StateRestarting, Paused: st.State == api.StatePaused,
		Restarting: st.State == api.StateRestarting, OOMKilled: st.OOMKilled, Dead: st.State == api.StateDead,
		Pid: st.Pid, ExitCode: st.ExitCode, Error: st.Error, StartedAt: apiTime(st.Started), FinishedAt: apiTime(st.Finished),
		Health: st.Health,
	}
}

// graphDriver returns the folders of the storage driver.
func (e *Engine) graphDriver(ctx context.Context, id string) *storage.DriverData {
	d := &storage.DriverData{Name: e.layers.Name()} // no data is null, as in Docker
	if l, ok := e.layers.(fs.Locator); ok {
		if at, err := l.Folders(ctx, id); err == nil {
			d.Data = at
		}
	}
	return d
}

// sizes returns how many bytes the container wrote, and the size of its root.
func (e *Engine) sizes(ctx context.Context, rec *lifecycle.Record) (own, all int64) {
	if u, err := e.roots.Usage(ctx, rec.ID); err == nil {
		own = u.Bytes
	}
	all = own
	for name := rec.Layer; name != ""; {
		info, err := e.layers.Stat(ctx, name)
		if err != nil {
			break
		}
		all += max(info.Size, 0)
		name = info.Parent
	}
	return own, all
}

// networkSettings returns a container's addresses and ports as the API shows them.
func (e *Engine) networkSettings(rec *lifecycle.Record, st *lifecycle.Status) *api.NetworkSettings {
	s := &api.NetworkSettings{Ports: apinetwork.PortMap{}, Networks: map[string]*apinetwork.EndpointSettings{}}
	if st.Running() {
		if st.Sandbox != "" && ownsSandbox(rec.Host) {
			s.SandboxID, s.SandboxKey = rec.ID, st.Sandbox
		}
		for p := range rec.Config.ExposedPorts {
			s.Ports[p] = nil
		}
		for _, ep := range st.Endpoints {
			addPorts(s.Ports, ep.Ports)
		}
	}
	for name, want := range rec.Networks {
		es := want.Copy()
		if es == nil {
			es = &apinetwork.EndpointSettings{}
		}
		if n, err := e.placed(name, want); err == nil {
			if endpoint.Named(n) {
				es.DNSNames = endpoint.Names(rec, want)
			}
			if !st.Started.IsZero() {
				es.NetworkID = n.ID
			}
			if st.Running() {
				fillEndpoint(es, n.ID, st.Endpoints)
			}
		}
		s.Networks[name] = es
	}
	return s
}

func fillEndpoint(es *apinetwork.EndpointSettings, id string, endpoints []network.Endpoint) {
	for _, ep := range endpoints {
		if ep.Network != id {
			continue
		}
		es.EndpointID, es.Gateway, es.IPv6Gateway = ep.ID, ep.Gateway, ep.Gateway6
		if ep.Address.IsValid() {
			es.IPAddress, es.IPPrefixLen = ep.Address.Addr(), ep.Address.Bits()
		}
		if ep.Address6.IsValid() {
			es.GlobalIPv6Address, es.GlobalIPv6PrefixLen = ep.Address6.Addr(), ep.Address6.Bits()
		}
		_ = es.MacAddress.UnmarshalText([]byte(ep.MAC))
	}
}

func addPorts(m apinetwork.PortMap, ports []network.Port) {
	for _, p := range ports {
		key, ok := apinetwork.PortFrom(p.Container, apinetwork.IPProtocol(p.Proto))
		if !ok {
			continue
		}
		b := apinetwork.PortBinding{HostIP: p.HostIP}
		if p.Host != 0 { // 0: open on the container's own address alone
			b.HostPort = decimal(p.Host)
		}
		m[key] = append(m[key], b)
	}
}
