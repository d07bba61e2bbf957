package engine

import (
	"context"
	"fmt"
	"os"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	api "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"box/engine/attach"
	"box/engine/ident"
	"box/engine/lifecycle"
	"box/engine/refuse"
	"box/engine/spec"
	"box/engine/task"
)

// execKept is how long an exec that has ended can be inspected.
const execKept = 5 * time.Minute

// mostExecs limits how many execs of a container run or wait for their start. If more are created, the oldest that
// waits is dropped.
const mostExecs = 4096

// execution is an exec: what was asked for, and its state.
type execution struct {
	id string
	c  *lifecycle.Container
	q  api.ExecCreateRequest

	raw bool // both outputs come together and without frames

	mu      sync.Mutex
	started bool
	dropped bool // before it was started
	running bool
	pid     int
	code    *int
	begun   chan struct{} // closed when it runs, or could not be started
	changed chan struct{} // closed when it ended
}

// ExecCreate records a program to run in a running container.
func (e *Engine) ExecCreate(ctx context.Context, ref string, q api.ExecCreateRequest) (string, error) {
	c, err := e.container(ref)
	if err != nil {
		return "", err
	}
	if err := checkExecutable(c, ref); err != nil {
		return "", err
	}
	if len(q.Cmd) == 0 {
		return "", refuse.Invalid("No exec command specified")
	}
	if _, err := attach.Keys(q.DetachKeys); err != nil {
		return "", refuse.Internal("Invalid escape keys (%s) provided", q.DetachKeys) // as in Docker
	}
	x, err := e.newExec(ctx, c, q)
	if err != nil {
		return "", err
	}
	return x.id, nil
}

func (e *Engine) newExec(ctx context.Context, c *lifecycle.Container, q api.ExecCreateRequest) (*execution, error) {
	x := &execution{id: ident.New(), c: c, q: q, begun: make(chan struct{}), changed: make(chan struct{})}
	listed, err := e.listExec(x)
	if err != nil {
		return nil, err
	}
	if len(listed) > mostExecs {
		e.dropWaiting(listed[:1])
	}
	e.publish(ctx, c, events.Action("exec_create: "+x.command()), "execID", x.id)
	return x, nil
}

// listExec makes an exec known, and returns all of its container. A removal forgets those that it finds.
func (e *Engine) listExec(x *execution) ([]string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.containers[x.c.ID()] == nil {
		return nil, noSuchContainer(x.c.ID())
	}
	e.execs[x.id] = x
	return x.c.AddExec(x.id), nil
}

// checkExecutable checks that a container is running and not paused. ref is the user's name for it.
func checkExecutable(c *lifecycle.Container, ref string) error {
	switch st, _ := c.Now(); {
	case st.State == api.StatePaused:
		return refuse.Conflict("container %s is paused, unpause the container before exec", ref)
	case st.State == api.StateRestarting:
		return refuse.Conflict("container %s is restarting, wait until the container is running", c.ID())
	case !st.Running():
		return refuse.Conflict("container %s is not running", c.ID())
	}
	return nil
}

// command is what events tell: the program, a space, and its arguments, if any.
func (x *execution) command() string { return x.q.Cmd[0] + " " + strings.Join(x.q.Cmd[1:], " ") }

// execution returns an exec of an existing container.
func (e *Engine) execution(id string) (*execution, error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if x := e.execs[id]; x != nil && e.containers[x.c.ID()] == x.c {
		return x, nil
	}
	return nil, noExec(id)
}

func noExec(id string) error { return refuse.NotFound("No such exec instance: %s", id) }

// ExecStart starts a recorded program. Unless it is detached, it returns an attachment to its streams. After an error
// of the runtime, inspect shows an exit code. If ready is not nil, it is called before the program runs, when only the
// program itself can still fail: some clients need the header of the reply before any output, because they read the two
// through different buffers.
func (e *Engine) ExecStart(ctx context.Context, id string, q api.ExecStartRequest,
	ready func(terminal bool) error) (*attach.Attachment, error) {
	x, err := e.execution(id)
	if err != nil {
		return nil, err
	}
	if err := checkExecutable(x.c, x.c.ID()); err != nil {
		return nil, err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case x.dropped:
		return nil, noExec(x.id)
	case x.code != nil:
		return nil, refuse.Conflict("Error: Exec command %s has already run", x.id)
	case x.started:
		return nil, refuse.Conflict("Error: Exec command %s is already running", x.id)
	}
	if ready != nil {
		if err := ready(q.Tty); err != nil {
			return nil, err
		}
	}
	defer func() {
		if x.started {
			close(x.begun)
		}
	}()
	p, err := e.execProcess(x, q)
	if err != nil {
		x.started = true
		return nil, e.execFailed(x, err)
	}
	run := task.Exec{ID: x.id, Process: p, Stdin: x.q.AttachStdin && !q.Detach}
	var files []*os.File
	var a *attach.Attachment
	if !q.Detach {
		if a, err = x.attachment(e, q.Tty); err != nil {
			return nil, err
		}
		run.Attach = []task.Attach{a.Stream.Opts}
		files = append(files, a.Stream.Hand())
	}
	x.started = true
	e.publish(ctx, x.c, events.Action("exec_start: "+x.command()), "execID", x.id)
	pid, err := e.o.Tasks.Task(x.c.ID()).Exec(context.WithoutCancel(ctx), run, files)
	if err != nil {
		if a != nil {
			a.Close()
		}
		return nil, e.execFailed(x, err)
	}
	x.pid, x.running = pid, x.code == nil
	return a, nil
}

// attachment returns the client's end of an exec's streams. The one who starts the exec decides about frames, whatever
// it was created with.
func (x *execution) attachment(e *Engine, asTerminal bool) (*attach.Attachment, error) {
	s, err := task.NewStream(task.Attach{
		Stdin: x.q.AttachStdin, Stdout: x.q.AttachStdout, Stderr: x.q.AttachStderr, CloseStdin: x.q.AttachStdin && !x.q.Tty,
		Raw: x.raw || asTerminal, Frames: !asTerminal,
	})
	if err != nil {
		return nil, err
	}
	keys, err := attach.Keys(x.q.DetachKeys)
	return &attach.Attachment{
		Terminal: x.q.Tty, Stream: s, Keys: keys, Settle: x.settle,
		Leave: func(detached bool) {
			if detached {
				e.publish(context.Background(), x.c, events.ActionExecDetach, "execID", x.id)
			}
		},
	}, err
}

// settleWait limits how long the end of an exec's streams is delayed until its exit code is known, which clients ask
// for next.
const settleWait = 2 * time.Second

func (x *execution) settle() {
	select {
	case <-x.changed:
	case <-time.After(settleWait):
	}
}

// execProcess returns the process for the runtime: that of the container, with what the request changes.
func (e *Engine) execProcess(x *execution, q api.ExecStartRequest) (*specs.Process, error) {
	rec := x.c.Record()
	st, _ := x.c.Now()
	name := x.q.User
	if name == "" {
		name = rec.Config.User
	}
	user, err := spec.User(fmt.Sprintf("/proc/%d/root", st.Pid), name, rec.Host.GroupAdd)
	if err != nil {
		return nil, err
	}
	caps, err := spec.AdjustCapabilities(rec.Host.CapAdd, rec.Host.CapDrop, rec.Host.Privileged || x.q.Privileged)
	if err != nil {
		return nil, err
	}
	security, err := e.securityOf(rec.Host)
	if err != nil {
		return nil, err
	}
	_, links, _ := e.linked(&rec) // one that stopped since takes its variables along, not the exec
	config := *rec.Config
	config.Tty = x.q.Tty
	cwd := x.q.WorkingDir
	if cwd == "" {
		cwd = spec.WorkingDir(rec.Config.WorkingDir)
	}
	if !path.IsAbs(cwd) {
		return nil, errRelativeDir
	}
	p := &specs.Process{
		Terminal: x.q.Tty, Args: x.q.Cmd, Cwd: cwd, User: user.User,
		Env: spec.WithHome(spec.MergeEnvironment(spec.Environment(&config, rec.Config.Hostname, links...),
			x.q.Env), user),
		Capabilities:    spec.CapabilitySets(caps, user.UID),
		NoNewPrivileges: security.NoNewPrivileges,
		Rlimits:         spec.Rlimits(rec.Host.Ulimits),
	}
	p.User.Umask = rec.Host.Umask
	e.confinement(context.Background()).Confine(p, security, rec.Host.Privileged)
	size := x.q.ConsoleSize
	if q.ConsoleSize != nil {
		size = q.ConsoleSize
	}
	if x.q.Tty && size != nil && size[0] > 0 && size[1] > 0 {
		p.ConsoleSize = &specs.Box{Height: size[0], Width: size[1]}
	}
	return p, nil
}

// onExecExit records the end of an exec.
func (e *Engine) onExecExit(t task.Exit) {
	e.forget(t.Container, t.Exec)
	e.mu.RLock()
	x := e.execs[t.Exec]
	e.mu.RUnlock()
	if x == nil {
		return
	}
	x.mu.Lock()
	over := x.code != nil
	if !over {
		x.running, x.code = false, &t.Code
		close(x.changed)
	}
	x.mu.Unlock()
	if over {
		return
	}
	x.c.DropExec(x.id)
	e.publish(context.Background(), x.c, events.ActionExecDie, "execID", x.id, "exitCode", strconv.Itoa(t.Code))
	e.dropLater(x)
}

// dropLater drops an exec that has ended after execKept.
func (e *Engine) dropLater(x *execution) { time.AfterFunc(execKept, func() { e.dropExec(x) }) }

// dropWaiting drops those of these execs that were not started, because the container has ended or there are too many.
func (e *Engine) dropWaiting(ids []string) {
	for _, id := range ids {
		e.mu.RLock()
		x := e.execs[id]
		e.mu.RUnlock()
		if x == nil || !x.mu.TryLock() {
			continue // somebody is starting it
		}
		waits := !x.started
		x.dropped = x.dropped || waits
		x.mu.Unlock()
		if waits {
			e.dropExec(x)
		}
	}
}

func (e *Engine) dropExec(x *execution) {
	e.mu.Lock()
	delete(e.execs, x.id)
	e.mu.Unlock()
	x.c.DropExec(x.id)
}

// ExecInspect returns the state of an exec.
func (e *Engine) ExecInspect(_ context.Context, id string) (api.ExecInspectResponse, error) {
	x, err := e.execution(id)
	if err != nil {
		return api.ExecInspectResponse{}, err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	keys, _ := attach.Keys(x.q.DetachKeys)
	if x.q.DetachKeys == "" {
		keys = []byte{} // an empty string in JSON
	}
	return api.ExecInspectResponse{
		ID: x.id, Running: x.running, ExitCode: x.code, Pid: x.pid, ContainerID: x.c.ID(), DetachKeys: keys,
		OpenStdin: x.q.AttachStdin, OpenStdout: x.q.AttachStdout, OpenStderr: x.q.AttachStderr,
		CanRemove: x.code != nil,
		ProcessConfig: &api.ExecProcessConfig{
			Tty: x.q.Tty, Entrypoint: x.q.Cmd[0], Arguments: x.q.Cmd[1:], Privileged: &x.q.Privileged, User: x.q.User,
		},
	}, nil
}
