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
)

// recoverState is --recover. It is an option of the daemon and no command of the client: the daemon does not start when it is needed, and
// its configuration says where the data is.
func (o *options) recoverState(ctx context.Context, env *cmd.Env) error {
	lines, err := engine.Recover(ctx, engine.Options{Root: o.DataRoot, RecoverLayers: o.recoverLayers})
	for _, l := range lines {
		fmt.Fprintln(env.Stdout, l)
	}
	if err == nil {
		_, err = fmt.Fprintln(env.Stdout, "Start the daemon as always: volumes are taken up then.")
	}
	return diskspace.Explain(err, o.DataRoot, o.ExecRoot)
}

func (o *options) recoverLayers(_ context.Context, db *state.DB, wanted func(string) bool) (map[string]fs.Recovered, error) {
	return drivers.Recover(o.DataRoot, db.Layers(), nil, wanted)
}
