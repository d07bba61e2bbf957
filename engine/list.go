package engine

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/go-units"
	api "github.com/moby/moby/api/types/container"
	apinetwork "github.com/moby/moby/api/types/network"

	"box/engine/filter"
	"box/engine/lifecycle"
	"box/engine/network"
)

func decimal(n uint16) string { return strconv.Itoa(int(n)) }

// ListOptions are the options of `docker ps`.
type ListOptions struct {
	All     bool // those that do not run too
	Limit   int  // the last ones created, whatever their state; 0 for all
	Size    bool // what the files take
	Filters filter.Args
}

// listFilters are the filters of List.
var listFilters = []string{
	"ancestor", "annotation", "before", "exited", "expose", "health", "id", "is-task", "isolation", "label", "name",
	"network", "publish",
	"since", "status", "volume",
}

// List lists containers, newest first.
func (e *Engine) List(ctx context.Context, o ListOptions) ([]api.Summary, error) {
	if err := o.Filters.Check(listFilters); err != nil {
		return nil, err
	}
	match, err := e.listMatch(o.Filters)
	if err != nil {
		return nil, err
	}
	all := o.All || o.Limit > 0 || o.Filters.Has("status") || o.Filters.Has("exited")
	type row struct {
		c   *lifecycle.Container
		rec lifecycle.Record
		st  lifecycle.Status
	}
	var rows []row
	for _, c := range e.all() {
		r := row{c: c, rec: c.Record()}
		r.st, _ = c.Now()
		if (all || r.st.Running() || r.st.State == api.StateRestarting) && match(&r.rec, &r.st) {
			rows = append(rows, r)
		}
	}
	slices.SortFunc(rows, func(a, b row) int { return b.rec.Created.Compare(a.rec.Created) })
	if o.Limit > 0 {
		rows = rows[:min(len(rows), o.Limit)]
	}
	out := make([]api.Summary, 0, len(rows))
	names := e.linkNames()
	for i := range rows {
		s := e.summary(&rows[i].rec, &rows[i].st)
		s.Names = append(s.Names, names[s.ID]...)
		slices.Sort(s.Names)
		if o.Size {
			s.SizeRw, s.SizeRootFs = e.sizes(ctx, &rows[i].rec)
		}
		out = append(out, s)
	}
	return out, nil
}

func (e *Engine) summary(rec *lifecycle.Record, st *lifecycle.Status) api.Summary {
	s := api.Summary{
		ID: rec.ID, Names: []string{"/" + rec.Name}, Image: e.imageName(rec), ImageID: rec.Image,
		Command: command(rec), Created: rec.Created.Unix(), Ports: portSummaries(rec, st), Labels: rec.Config.Labels,
		State: st.State, Status: statusText(st, e.o.Now()), Mounts: shown(rec.Mounts),
		NetworkSettings: &api.NetworkSettingsSummary{Networks: map[string]*apinetwork.EndpointSettings{}},
	}
	s.Health = &api.HealthSummary{Status: st.HealthStatus()}
	if st.Health != nil {
		s.Health.FailingStreak = st.Health.FailingStreak
	}
	s.HostConfig.NetworkMode = string(rec.Host.NetworkMode)
	s.HostConfig.Annotations = rec.Host.Annotations
	if s.Labels == nil {
		s.Labels = map[string]string{}
	}
	s.NetworkSettings.Networks = e.networkSettings(rec, st).Networks
	return s
}

// imageName returns the name from which the container was created, or the ID of its image if that name means another
// image now.
func (e *Engine) imageName(rec *lifecycle.Record) string {
	id, err := e.images.Lookup(rec.Config.Image)
	if err != nil || id.String() != rec.Image {
		return rec.Image
	}
	return rec.Config.Image
}

// command returns the program and its arguments. One with a space is quoted as in Docker.
func command(rec *lifecycle.Record) string {
	args := make([]string, 0, len(rec.Args)+1)
	for _, a := range rec.Args {
		if strings.Contains(a, " ") {
			a = "'" + a + "'"
		}
		args = append(args, a)
	}
	return strings.TrimSpace(rec.Path + " " + strings.Join(args, " "))
}

// statusText returns the column STATUS of `docker ps`.
func statusText(st *lifecycle.Status, now time.Time) string {
	since := func(t time.Time) string { return units.HumanDuration(now.UTC().Sub(t)) }
	switch st.State {
	case api.StateRunning:
		switch st.HealthStatus() {
		case api.NoHealthcheck:
			return "Up " + since(st.Started)
		case api.Starting:
			return "Up " + since(st.Started) + " (health: starting)"
		}
		return "Up " + since(st.Started) + " (" + string(st.Health.Status) + ")"
	case api.StatePaused:
		return "Up " + since(st.Started) + " (Paused)"
	case api.StateRestarting:
		return fmt.Sprintf("Restarting (%d) %s ago", st.ExitCode, since(st.Finished))
	case api.StateRemoving:
		return "Removal In Progress"
	case api.StateDead:
		return "Dead"
	case api.StateCreated:
		return "Created"
	}
	if st.Finished.IsZero() {
		return "Created"
	}
	return fmt.Sprintf("Exited (%d) %s ago", st.ExitCode, since(st.Finished))
}

// portSummaries returns the ports of a running container: published ones as bound, and exposed ones.
func portSummaries(rec *lifecycle.Record, st *lifecycle.Status) []api.PortSummary {
	out := []api.PortSummary{}
	if !st.Running() {
		return out
	}
	published := map[apinetwork.Port]bool{}
	for _, ep := range st.Endpoints {
		for _, p := range ep.Ports {
			out = append(out, portSummary(p))
			if key, ok := apinetwork.PortFrom(p.Container, apinetwork.IPProtocol(p.Proto)); ok {
				published[key] = true
			}
		}
	}
	for p := range rec.Config.ExposedPorts {
		if !published[p] {
			out = append(out, api.PortSummary{PrivatePort: p.Num(), Type: string(p.Proto())})
		}
	}
	return out
}

func portSummary(p network.Port) api.PortSummary {
	ip := p.HostIP
	if !ip.IsValid() {
		ip = netip.IPv4Unspecified()
	}
	return api.PortSummary{IP: ip, PrivatePort: p.Container, PublicPort: p.Host, Type: p.Proto}
}
