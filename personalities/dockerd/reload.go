package dockerd

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"sync"

	"box/engine"
	"box/netapi"
	"box/netapi/authz"
	"box/personalities/cmd"
	"box/personalities/dockerd/config"
)

// reloader reloads the configuration on SIGHUP.
type reloader struct {
	env    *cmd.Env
	o      *config.Options // those in effect
	e      *engine.Engine
	server *netapi.Server
	limits *limits
	log    *slog.Logger
	level  *slog.LevelVar
}

// on reloads at each signal. The returned function ends that and waits for a reload that is under way.
func (r *reloader) on(hangup chan os.Signal) (stop func()) {
	done := make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		for {
			select {
			case <-hangup:
				r.reload()
			case <-done:
				return
			}
		}
	})
	return func() {
		close(done)
		group.Wait()
	}
}

// reload reads the command line and the files again. If there is an error, nothing changes. Options that only a start
// can apply wait for the next start.
func (r *reloader) reload() {
	r.log.Info("Got signal to reload configuration, reloading from: " + r.o.ConfigFile)
	n, err := config.Load(r.env)
	if err != nil {
		r.log.Error(err.Error() + ": the configuration was not changed")
		return
	}
	if err := authorize(context.Background(), n, r.server); err != nil {
		r.log.Error(err.Error() + ": the configuration was not changed")
		return
	}
	for _, note := range n.Notes {
		r.log.Warn(note)
	}
	r.o.Reload(n)
	r.limits.reload(n)
	r.level.Set(levelOf(r.o))
	s := r.o.Settings()
	r.e.Reload(s)
	r.log.Info("Reloaded configuration: " + summary(r.o))
}

// authorize makes plugins and the policy decide about requests from now on. If one of them cannot be opened, nothing
// changes.
func authorize(ctx context.Context, o *config.Options, s *netapi.Server) error {
	var policy *authz.Policy
	if o.AuthorizationPolicy != "" {
		var err error
		if policy, err = authz.ReadPolicy(o.AuthorizationPolicy); err != nil {
			return err
		}
	}
	plugins, err := authz.Open(ctx, o.AuthorizationPlugins)
	if err == nil {
		s.Authorize(plugins, policy)
	}
	return err
}

// summary lists the options that a reload may change, for the log.
func summary(o *config.Options) string {
	raw, _ := json.Marshal(map[string]any{ // of strings and numbers, which always can be
		"debug": o.Debug, "labels": o.Labels, "live-restore": o.LiveRestore, "shutdown-timeout": o.ShutdownTimeout,
		"insecure-registries": o.InsecureRegistries,
		"registry-mirrors":    o.RegistryMirrors, "max-concurrent-downloads": o.MaxConcurrentDownloads,
		"max-concurrent-uploads": o.MaxConcurrentUploads, "max-download-attempts": o.MaxDownloadAttempts,
		"default-shm-size": int64(o.DefaultShmSize), "default-ipc-mode": o.DefaultIPCMode,
		"default-cgroupns-mode": o.DefaultCgroupnsMode, "default-runtime": o.DefaultRuntime,
		"authorization-plugins": o.AuthorizationPlugins,
	})
	return string(raw)
}

// prepare sets the environment variables of proxies and the OOM score of the process.
func prepare(o *config.Options) error {
	for name, value := range map[string]string{"HTTP_PROXY": o.HTTPProxy, "HTTPS_PROXY": o.HTTPSProxy,
		"NO_PROXY": o.NoProxy} {
		if value != "" {
			if err := os.Setenv(name, value); err != nil {
				return err
			}
		}
	}
	if o.OOMScoreAdjust == 0 {
		return nil
	}
	if err := os.WriteFile("/proc/self/oom_score_adj", []byte(strconv.Itoa(o.OOMScoreAdjust)), 0); err != nil {
		return fmt.Errorf("--oom-score-adjust %d: %w", o.OOMScoreAdjust, err)
	}
	return nil
}
