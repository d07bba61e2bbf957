package dockerd

import (
	"context"
	"log/slog"
	"path/filepath"
	"strconv"
	"sync"

	"box/engine"
	"box/personalities/dockerd/config"
	"box/personalities/top/push"
)

// pushAll sends what is measured to the databases of --monitor-push. stop ends that; what could not be sent is kept.
func pushAll(ctx context.Context, o *config.Options, e *engine.Engine, log *slog.Logger) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var pushing sync.WaitGroup
	for i, t := range o.Targets {
		p := push.New(t, filepath.Join(o.DataRoot, "unsent", strconv.Itoa(i)), log)
		e.Monitor().Follow(p.Add)
		pushing.Go(func() { p.Run(ctx) })
	}
	return func() {
		cancel()
		pushing.Wait()
	}
}
