package engine

import (
	"context"
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"time"

	api "github.com/moby/moby/api/types/container"
	apievents "github.com/moby/moby/api/types/events"

	"box/engine/cgroup"
	"box/engine/events"
	"box/engine/registry"
	"box/engine/request"
	"box/engine/spec"
	"box/engine/task"
)

// Settings are the options that a running engine can change. The zero value of a field means the default in its
// comment.
type Settings struct {
	Debug           bool             // told in info
	Labels          []string         // of the daemon, KEY=VALUE
	Authorization   []string         // names of plugins, told in info
	LiveRestore     bool             // Close leaves containers running
	ShutdownTimeout time.Duration    // what Close gives containers to stop: 15 s; negative: as long as they want
	Registry        registry.Options // how registries are talked to
	// Container is what containers get that do not say: by default a /dev/shm of 64 MiB, an IPC namespace of their
	// own, a cgroup namespace where the host has cgroups v2, the built-in seccomp profile, the runtime box, and 10 s
	// to stop.
	Container request.Defaults
}

// defaultShm is the default size of /dev/shm in bytes.
const defaultShm = 64 << 20

// settings returns the current settings, which must not be changed.
func (e *Engine) settings() *Settings { return e.live.Load() }

// Experimental tells whether the daemon reports itself as experimental.
func (e *Engine) Experimental() bool { return e.o.Experimental }

// take sets defaults in the settings and makes them current.
func (e *Engine) take(s Settings) {
	if s.ShutdownTimeout == 0 {
		s.ShutdownTimeout = 15 * time.Second
	}
	if s.Registry.Agent == "" {
		s.Registry.Agent = e.agent()
	}
	c := &s.Container
	if c.ShmSize == 0 {
		c.ShmSize = defaultShm
	}
	if c.CgroupnsMode == "" {
		c.CgroupnsMode = api.CgroupnsModeHost
		if cgroup.V2() {
			c.CgroupnsMode = api.CgroupnsModePrivate
		}
	}
	if c.IpcMode == "" {
		c.IpcMode = api.IPCModePrivate
	}
	if c.Runtime == "" {
		c.Runtime = task.Box
	}
	if c.SeccompName == "" {
		c.SeccompName = "builtin"
	}
	if c.StopTimeout == nil {
		c.StopTimeout = new(int(defaultStopTimeout / time.Second))
	}
	e.live.Store(&s)
	if old := e.registry.Swap(registry.New(s.Registry)); old != nil {
		old.Close() // transfers under way go on
	}
}

// Reload changes the settings and publishes that. Running containers keep the settings with which they were started.
func (e *Engine) Reload(s Settings) {
	e.take(s)
	host, _ := os.Hostname()
	attributes := e.settings().attributes()
	attributes["name"] = host
	e.bus.Publish(context.Background(), apievents.DaemonEventType, apievents.ActionReload, e.id, attributes)
}

// attributes returns the settings under the names of Docker's reload event.
func (s *Settings) attributes() map[string]string {
	list := func(l []string) string {
		if l == nil {
			l = []string{}
		}
		raw, _ := json.Marshal(l) // strings always can be
		return string(raw)
	}
	r, c := &s.Registry, &s.Container
	var runtimes []string
	for _, name := range task.Runtimes() {
		made, _ := task.Runtime(name)
		runtimes = append(runtimes, name+":"+made)
	}
	return map[string]string{
		"debug": strconv.FormatBool(s.Debug), "labels": list(s.Labels), "live-restore": strconv.FormatBool(s.LiveRestore),
		"shutdown-timeout":         strconv.Itoa(int(s.ShutdownTimeout / time.Second)),
		"max-concurrent-downloads": strconv.Itoa(r.Downloads),
		"max-concurrent-uploads":   strconv.Itoa(r.Uploads), "max-download-attempts": strconv.Itoa(r.Attempts),
		"insecure-registries": list(r.Insecure), "registry-mirrors": list(r.Mirrors),
		"allow-nondistributable-artifacts": "[]",
		"default-ipc-mode":                 string(c.IpcMode), "default-cgroupns-mode": string(c.CgroupnsMode),
		"default-shm-size": strconv.FormatInt(c.ShmSize, 10),
		"default-runtime":  c.Runtime, "runtimes": strings.Join(runtimes, " "), "features": "map[]",
	}
}

// CheckSeccomp refuses an invalid seccomp profile.
func CheckSeccomp(profile string) error { return spec.CheckSeccomp(profile) }

// WithClient records in the context that it serves a request of a client with a certificate of that name, which becomes
// part of events.
func WithClient(ctx context.Context, certificate string) context.Context {
	return events.WithClient(ctx, certificate)
}

// Debug tells whether debug mode is enabled.
func (e *Engine) Debug() bool { return e.settings().Debug }
