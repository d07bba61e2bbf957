package dockerd

import (
	"context"
	"fmt"

	"box/engine"
	"box/engine/state"
	"box/fs"
	"box/fs/diskspace"
	"box/fs/drivers"
	"box/personalities/cmd"
	"box/personalities/dockerd/config"
)

// recoverState implements --recover. This is an option of the daemon, because the daemon's configuration says where the
// data is, and because the client needs a daemon that runs.
func recoverState(ctx context.Context, o *config.Options, env *cmd.Env) error {
	lines, err := engine.Recover(ctx, engine.Options{Root: o.DataRoot, RecoverLayers: recoverLayers(o)})
	for _, l := range lines {
		fmt.Fprintln(env.Stdout, l)
	}
	if err == nil {
		_, err = fmt.Fprintln(env.Stdout, "Start the daemon as usual; it finds the volumes then.")
	}
	return diskspace.Explain(err, o.DataRoot, o.ExecRoot)
}

// recoverLayers returns a function that finds the layers on the disk.
func recoverLayers(o *config.Options) func(context.Context, *state.DB, func(string) bool) (map[string]fs.Recovered,
	error) {
	return func(_ context.Context, db *state.DB, wanted func(string) bool) (map[string]fs.Recovered, error) {
		return drivers.Recover(o.DataRoot, db.Layers(), nil, wanted)
	}
}
