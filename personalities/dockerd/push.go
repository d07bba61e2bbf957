package dockerd

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"box/engine"
	"box/personalities/dockerd/config"
	"box/personalities/top/push"
)

// pushAll sends what is measured to the databases of --monitor-push. stop ends that; what could not be sent is kept.
func pushAll(ctx context.Context, o *config.Options, e *engine.Engine, log *slog.Logger) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var pushing sync.WaitGroup
	unsent := filepath.Join(o.DataRoot, "unsent")
	dropUnsent(unsent, o.Targets, log)
	for _, t := range o.Targets {
		p := push.New(t, filepath.Join(unsent, t.Key()), log)
		e.Monitor().Follow(p.Add)
		pushing.Go(func() { p.Run(ctx) })
	}
	return func() {
		cancel()
		pushing.Wait()
	}
}

// dropUnsent removes what was kept for databases that are not configured any more.
func dropUnsent(dir string, targets []*push.Target, log *slog.Logger) {
	wanted := map[string]bool{}
	for _, t := range targets {
		wanted[t.Key()] = true
	}
	entries, _ := os.ReadDir(dir) // without it there is nothing to drop
	for _, entry := range entries {
		if wanted[entry.Name()] {
			continue
		}
		log.Warn("numbers for a database that is not configured any more are dropped", "folder", entry.Name())
		if err := os.RemoveAll(filepath.Join(dir, entry.Name())); err != nil {
			log.Warn("numbers are not dropped", "error", err)
		}
	}
}
