package screen

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/api/types/volume"

	"box/engine/reference"
	"box/netapi/client"
	"box/personalities/docker/image"
	"box/personalities/docker/table"
	"box/personalities/top/hosts"
	"box/personalities/top/listing"
)

// worker carries out requests, each in a goroutine of its own.
type worker struct {
	hosts   []*hosts.Host
	answers chan Answer
	all     sync.WaitGroup
	pulling sync.Mutex // sessions are for one command at a time

	leave context.CancelFunc // ends what the page before has followed
	page  context.Context
}

// patience is how long a request may take that is neither followed nor a transfer.
const (
	patience  = 60 * time.Second
	unlimited = 365 * 24 * time.Hour
)

func newWorker(all []*hosts.Host) *worker {
	return &worker{hosts: all, answers: make(chan Answer, 64), leave: func() {}}
}

// start starts to carry out a request. Its answers come until ctx ends.
func (w *worker) start(ctx context.Context, r Request) {
	if r.Verb == leave || w.page == nil {
		w.leave()
		w.page, w.leave = context.WithCancel(ctx)
	}
	if r.Verb == leave || r.Host < 0 || r.Host >= len(w.hosts) {
		return
	}
	limited := unlimited
	switch {
	case r.Verb == log || r.Verb == events:
		ctx = w.page
	case r.Verb != "pull":
		limited = patience
	}
	h := w.hosts[r.Host]
	w.all.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, limited)
		defer cancel()
		emit := func(data any) { w.send(ctx, Answer{Request: r, Data: data}) }
		data, err := w.do(ctx, h, r, emit)
		w.send(ctx, Answer{Request: r, Data: data, Err: err})
	})
}

func (w *worker) send(ctx context.Context, a Answer) {
	select {
	case w.answers <- a:
	case <-ctx.Done():
	}
}

// do carries out a request, and returns its last answer.
func (w *worker) do(ctx context.Context, h *hosts.Host, r Request, emit func(any)) (any, error) {
	api := h.Client()
	switch r.Verb {
	case history:
		return h.History(ctx, r.Target, r.From, r.To, r.Points)
	case processes:
		return api.ContainerTop(ctx, r.Target, "")
	case inspect:
		raw, err := api.ContainerInspect(ctx, r.Target, false)
		var i container.InspectResponse
		if err == nil {
			err = json.Unmarshal(raw, &i)
		}
		return i, err
	case log:
		return nil, followLog(ctx, api, r, emit)
	case events:
		return nil, followEvents(ctx, api, r, emit)
	case images, volumes, networks:
		return objectsOf(ctx, api, r.Verb)
	case usage:
		return api.DiskUsage(ctx)
	}
	if r.Verb == "pull" {
		return nil, w.pull(ctx, h, r, emit)
	}
	return nil, change(ctx, api, r)
}

// change carries out what changes something.
func change(ctx context.Context, api *client.Client, r Request) error {
	switch r.Verb {
	case "start":
		return api.ContainerStart(ctx, r.Target, "")
	case "stop":
		return api.ContainerStop(ctx, r.Target, "", nil)
	case "restart":
		return api.ContainerRestart(ctx, r.Target, "", nil)
	case "kill":
		return api.ContainerKill(ctx, r.Target, "")
	case "pause":
		return api.ContainerPause(ctx, r.Target)
	case "unpause":
		return api.ContainerUnpause(ctx, r.Target)
	case "remove":
		return api.ContainerRemove(ctx, r.Target, true, true, false)
	case "update":
		u, err := r.Limits.update()
		if err == nil {
			_, err = api.ContainerUpdate(ctx, r.Target, u)
		}
		return err
	case "remove image":
		_, err := api.ImageRemove(ctx, r.Target, false, false, nil)
		return err
	case "create volume":
		_, err := api.VolumeCreate(ctx, volume.CreateRequest{Name: r.Target})
		return err
	case "remove volume":
		return api.VolumeRemove(ctx, r.Target, false)
	case "create network":
		_, err := api.NetworkCreate(ctx, network.CreateRequest{Name: r.Target, Driver: "bridge"})
		return err
	case "remove network":
		return api.NetworkRemove(ctx, r.Target)
	}
	return fmt.Errorf("%s: no such verb", r.Verb)
}

// pull pulls an image as `docker pull` does, with the credentials of its registry.
func (w *worker) pull(ctx context.Context, h *hosts.Host, r Request, emit func(any)) error {
	s := h.Session()
	if s == nil {
		return errors.New("pull: this host has no settings of a client")
	}
	w.pulling.Lock()
	defer w.pulling.Unlock()
	named, err := reference.Parse(r.Target)
	if err != nil {
		return err
	}
	body, err := image.Request(ctx, s, named.OrLatest().String(), s.Platform(""))
	if err != nil {
		return err
	}
	defer body.Close()
	return followPull(body, emit)
}

// logLines are lines of a log.
type logLines []logLine

type logLine struct {
	text   string
	stderr bool
}

// tailLines is how much of a log is shown at first.
const tailLines = "1000"

// followLog sends the end of a log, or what came since a time, and then what comes.
func followLog(ctx context.Context, api *client.Client, r Request, emit func(any)) error {
	raw, err := api.ContainerInspect(ctx, r.Target, false)
	var i container.InspectResponse
	if err == nil {
		err = json.Unmarshal(raw, &i)
	}
	if err != nil {
		return err
	}
	o := client.Logs{Stdout: true, Stderr: true, Follow: true, Tail: tailLines}
	if !r.From.IsZero() {
		o.Tail, o.Since = "all", fmt.Sprintf("%d.%09d", r.From.Unix(), r.From.Nanosecond())
	}
	body, err := api.ContainerLogs(ctx, r.Target, o)
	if err != nil {
		return err
	}
	defer body.Close()
	return splitLog(body, i.Config != nil && i.Config.Tty, emit)
}

// followEvents sends the events since a time, and then those that come, of one container or of all objects.
func followEvents(ctx context.Context, api *client.Client, r Request, emit func(any)) error {
	f := client.Filters{}
	if r.Target != "" {
		f = client.Filters{"container": {r.Target}}
	}
	err := api.Events(ctx, fmt.Sprint(r.From.Unix()), "", f, func(e *client.Event) error {
		emit(eventText(e))
		return ctx.Err()
	})
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return err
}

// objectsOf lists the images, volumes or networks of a host.
func objectsOf(ctx context.Context, api *client.Client, verb string) (*objectTable, error) {
	t := &objectTable{}
	switch verb {
	case images:
		list, err := api.ImageList(ctx, false, false, nil)
		if err != nil {
			return nil, err
		}
		t.titles = []string{"NAME", "ID", "SIZE", "CREATED"}
		var sum int64
		for _, i := range list {
			sum += i.Size
			for _, name := range slices.Concat(i.RepoTags, []string{""})[:max(1, len(i.RepoTags))] {
				target := name
				if name == "" || name == "<none>:<none>" {
					name, target = "<none>", i.ID
				}
				t.rows = append(t.rows, object{target, []string{name, table.ShortID(i.ID), listing.Size(float64(i.Size)),
					table.Ago(i.Created)}})
			}
		}
		t.foot = fmt.Sprintf("%s, %s with what they share", count(len(list), "image"), listing.Size(float64(sum)))
	case volumes:
		list, err := api.VolumeList(ctx, nil)
		if err != nil {
			return nil, err
		}
		t.titles = []string{"NAME", "DRIVER", "CREATED", "MOUNTPOINT"}
		for _, v := range list.Volumes {
			t.rows = append(t.rows, object{v.Name, []string{v.Name, v.Driver, v.CreatedAt, v.Mountpoint}})
		}
		t.foot = count(len(list.Volumes), "volume") + "; 5 shows their sizes"
	case networks:
		list, err := api.NetworkList(ctx, nil)
		if err != nil {
			return nil, err
		}
		t.titles = []string{"NAME", "ID", "DRIVER", "SCOPE", "CREATED"}
		for _, n := range list {
			t.rows = append(t.rows, object{n.ID, []string{n.Name, table.ShortID(n.ID), n.Driver, n.Scope,
				n.Created.Local().Format(time.DateTime)}})
		}
		t.foot = count(len(list), "network")
	}
	slices.SortFunc(t.rows, func(a, b object) int { return strings.Compare(a.cells[0], b.cells[0]) })
	return t, nil
}
