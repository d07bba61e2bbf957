package enginetest

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"box/engine"
	"box/engine/state"
	"box/fs"
	"box/fs/drivers"
)

// Open opens an engine on vfs below a new folder, with a Launcher. If change is not nil, it may set options. At the end
// of the test, the engine is closed and the folder removed. dir is short enough for sockets in it.
func Open(tb testing.TB, change func(*engine.Options)) (e *engine.Engine, dir string) {
	tb.Helper()
	dir, err := os.MkdirTemp("", "box")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { os.RemoveAll(dir) })
	return Reopen(tb, dir, change), dir
}

// Reopen opens an engine on the data of another one, which was closed.
func Reopen(tb testing.TB, dir string, change func(*engine.Options)) *engine.Engine {
	tb.Helper()
	root := filepath.Join(dir, "data")
	o := engine.Options{
		Root: root, Run: filepath.Join(dir, "run"), Tasks: NewLauncher(), Log: slog.New(slog.DiscardHandler),
		Layers: func(ctx context.Context, db *state.DB) (fs.Driver, error) {
			return drivers.Open(ctx, root, "vfs", db.Layers(), nil, nil, nil)
		},
	}
	if change != nil {
		change(&o)
	}
	e, err := engine.Open(tb.Context(), o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		_ = e.Close(ctx)
	})
	return e
}
