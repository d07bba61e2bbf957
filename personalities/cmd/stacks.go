package cmd

import (
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// maxStacks is the maximum size of a dump, in bytes.
const maxStacks = 16 << 20

// StacksOnSignal writes the stacks of all goroutines to a new file in dir on each SIGUSR1, as Docker's daemon does, to
// show what a process that does not answer is waiting for. The returned function stops this and waits for a dump that
// is being written.
func StacksOnSignal(dir string, log *slog.Logger) (stop func()) {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGUSR1)
	var group sync.WaitGroup
	group.Go(func() {
		for range asked {
			path, err := writeStacks(dir)
			log.Info("goroutine stacks", "file", path, "error", err)
		}
	})
	return func() {
		signal.Stop(asked)
		close(asked)
		group.Wait()
	}
}

func writeStacks(dir string) (path string, err error) {
	path = filepath.Join(dir, "goroutine-stacks-"+time.Now().UTC().Format("2006-01-02T150405.000000Z")+".log")
	for size := 1 << 20; ; size *= 2 {
		b := make([]byte, size)
		if n := runtime.Stack(b, true); n < size || size >= maxStacks {
			return path, os.WriteFile(path, b[:n], 0o600)
		}
	}
}
