package client

import (
	"context"
	"encoding/json"
	"io"
	"net/url"
	"strconv"

	"github.com/moby/moby/api/types/container"

	"box/netapi/wire"
)

// ListContainers selects containers for ContainerList.
type ListContainers struct {
	All     bool
	Limit   int // <= 0: no limit
	Size    bool
	Filters Filters
}

// ContainerList lists containers, newest first.
func (c *Client) ContainerList(ctx context.Context, o ListContainers) (list []container.Summary, err error) {
	q := url.Values{}
	setBool(q, "all", o.All)
	setBool(q, "size", o.Size)
	if o.Limit > 0 {
		q.Set("limit", strconv.Itoa(o.Limit))
	}
	o.Filters.set(q)
	err = c.do(ctx, call{method: "GET", path: "/containers/json", query: q}, &list)
	return list, err
}

// ContainerCreate creates a container. If name is empty the daemon chooses one. platform may be empty.
func (c *Client) ContainerCreate(ctx context.Context, body container.CreateRequest, name,
	platform string) (r container.CreateResponse, err error) {
	q := url.Values{}
	setString(q, "name", name)
	setString(q, "platform", platform)
	err = c.do(ctx, call{method: "POST", path: "/containers/create", query: q, body: body}, &r)
	return r, err
}

// ContainerInspect returns the daemon's JSON about a container as it was received. size adds SizeRw and SizeRootFs.
func (c *Client) ContainerInspect(ctx context.Context, id string, size bool) (raw json.RawMessage, err error) {
	q := url.Values{}
	setBool(q, "size", size)
	err = c.do(ctx, call{method: "GET", path: "/containers/" + id + "/json", query: q}, &raw)
	return raw, err
}

// ContainerStart starts a container. detachKeys may be empty.
func (c *Client) ContainerStart(ctx context.Context, id, detachKeys string) error {
	q := url.Values{}
	setString(q, "detachKeys", detachKeys)
	return c.action(ctx, id, "start", q)
}

// ContainerStop sends a signal to a container, and SIGKILL after timeout seconds. An empty signal and a nil timeout
// mean those of the container.
func (c *Client) ContainerStop(ctx context.Context, id, signal string, timeout *int) error {
	return c.action(ctx, id, "stop", stopQuery(signal, timeout))
}

// ContainerRestart stops a container like ContainerStop and starts it.
func (c *Client) ContainerRestart(ctx context.Context, id, signal string, timeout *int) error {
	return c.action(ctx, id, "restart", stopQuery(signal, timeout))
}

func stopQuery(signal string, timeout *int) url.Values {
	q := url.Values{}
	setString(q, "signal", signal)
	if timeout != nil {
		q.Set("t", strconv.Itoa(*timeout))
	}
	return q
}

// ContainerKill sends a signal to a container; empty means SIGKILL.
func (c *Client) ContainerKill(ctx context.Context, id, signal string) error {
	q := url.Values{}
	setString(q, "signal", signal)
	return c.action(ctx, id, "kill", q)
}

// ContainerPause freezes all processes of a container.
func (c *Client) ContainerPause(ctx context.Context, id string) error {
	return c.action(ctx, id, "pause", nil)
}

// ContainerUnpause resumes a paused container.
func (c *Client) ContainerUnpause(ctx context.Context, id string) error {
	return c.action(ctx, id, "unpause", nil)
}

// ContainerRename changes the name of a container.
func (c *Client) ContainerRename(ctx context.Context, id, name string) error {
	return c.action(ctx, id, "rename", url.Values{"name": {name}})
}

// ContainerResize sets the size of a container's terminal.
func (c *Client) ContainerResize(ctx context.Context, id string, height, width int) error {
	return c.action(ctx, id, "resize", sizeQuery(height, width))
}

func sizeQuery(height, width int) url.Values {
	return url.Values{"h": {strconv.Itoa(height)}, "w": {strconv.Itoa(width)}}
}

func (c *Client) action(ctx context.Context, id, verb string, q url.Values) error {
	return c.do(ctx, call{method: "POST", path: "/containers/" + id + "/" + verb, query: q}, nil)
}

// ContainerRemove removes a container. force kills it first; volumes removes its anonymous volumes; link removes only
// the link of that name.
func (c *Client) ContainerRemove(ctx context.Context, id string, force, volumes, link bool) error {
	q := url.Values{}
	setBool(q, "force", force)
	setBool(q, "v", volumes)
	setBool(q, "link", link)
	return c.do(ctx, call{method: "DELETE", path: "/containers/" + id, query: q}, nil)
}

// ContainerUpdate changes the limits and the restart policy of a container.
func (c *Client) ContainerUpdate(ctx context.Context, id string, u container.UpdateConfig) (r container.UpdateResponse,
	err error) {
	err = c.do(ctx, call{method: "POST", path: "/containers/" + id + "/update", body: u}, &r)
	return r, err
}

// Wait is a wait that the daemon has accepted.
type Wait struct{ body io.ReadCloser }

// Result blocks until the condition is met, and ends the wait. It may be called once.
func (w *Wait) Result() (r container.WaitResponse, err error) {
	defer w.body.Close()
	err = json.NewDecoder(w.body).Decode(&r)
	return r, err
}

// Close cancels the wait.
func (w *Wait) Close() error { return w.body.Close() }

// ContainerWait starts waiting for a condition. Daemons from API 1.30 on reply as soon as they wait, so a wait for the
// next exit misses none if the container is started afterwards.
func (c *Client) ContainerWait(ctx context.Context, id string, condition container.WaitCondition) (*Wait, error) {
	q := url.Values{}
	setString(q, "condition", string(condition))
	body, err := c.stream(ctx, call{method: "POST", path: "/containers/" + id + "/wait", query: q})
	if err != nil {
		return nil, err
	}
	return &Wait{body}, nil
}

// Attach selects what ContainerAttach connects.
type Attach struct {
	Stdin, Stdout, Stderr bool
	Logs                  bool // send what was logged before first
	DetachKeys            string
}

// ContainerAttach connects to the streams of a container.
func (c *Client) ContainerAttach(ctx context.Context, id string, a Attach) (*wire.Conn, error) {
	q := url.Values{"stream": {"1"}}
	setBool(q, "stdin", a.Stdin)
	setBool(q, "stdout", a.Stdout)
	setBool(q, "stderr", a.Stderr)
	setBool(q, "logs", a.Logs)
	setString(q, "detachKeys", a.DetachKeys)
	return c.hijack(ctx, call{method: "POST", path: "/containers/" + id + "/attach", query: q})
}

// ContainerTop lists the processes of a container.
func (c *Client) ContainerTop(ctx context.Context, id, psArgs string) (r container.TopResponse, err error) {
	q := url.Values{}
	setString(q, "ps_args", psArgs)
	err = c.do(ctx, call{method: "GET", path: "/containers/" + id + "/top", query: q}, &r)
	return r, err
}

// ContainerChanges lists the files that a container changed.
func (c *Client) ContainerChanges(ctx context.Context, id string) (list []container.FilesystemChange, err error) {
	err = c.do(ctx, call{method: "GET", path: "/containers/" + id + "/changes"}, &list)
	return list, err
}

// ContainerPrune removes stopped containers.
func (c *Client) ContainerPrune(ctx context.Context, f Filters) (r container.PruneReport, err error) {
	q := url.Values{}
	f.set(q)
	err = c.do(ctx, call{method: "POST", path: "/containers/prune", query: q}, &r)
	return r, err
}
