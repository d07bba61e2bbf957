package dockerd

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"box/engine/task"
	"box/personalities/keeper"
)

// keeperProcess is the keeper of this exec root as the daemon sees it.
type keeperProcess struct {
	run string
	log *slog.Logger
}

// socket returns a short path, since the path of a socket is limited to 107 bytes.
func (k *keeperProcess) socket() string { return filepath.Join(k.run, "keeper.sock") }

func (k *keeperProcess) client() *task.Client {
	c := task.Dial(k.socket())
	c.Silent = func(err error) { k.log.Error("the keeper does not answer", "error", err) }
	return c
}

// helloWait is how long to wait for a keeper's answer before it is considered lost.
const helloWait = 5 * time.Second

// ensure makes sure that a keeper of this build runs: it starts one, or swaps one of another build.
func (k *keeperProcess) ensure(ctx context.Context) error {
	hello, cancel := context.WithTimeout(ctx, helloWait)
	defer cancel()
	build, _, err := k.client().Hello(hello)
	if err != nil {
		return k.start()
	}
	if build == keeper.Build() {
		return nil
	}
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	if err := k.client().Swap(ctx, exe); err != nil {
		k.log.Warn("the keeper was not swapped", "error", err)
	}
	return nil
}

// start runs a keeper in a session of its own and waits until it listens.
func (k *keeperProcess) start() error {
	state := filepath.Join(k.run, "keeper")
	exe, err := keeper.Sealed(state)
	if err != nil {
		return err
	}
	defer exe.Close()
	// Keep the last log, which may tell why that keeper was lost.
	said := filepath.Join(k.run, "keeper.log")
	_ = os.Rename(said, said+".old")
	errs, err := os.OpenFile(said, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer errs.Close()
	c := exec.Command("/proc/self/fd/"+strconv.Itoa(int(exe.Fd())), "keeper", "--build", keeper.Build(), "--socket",
		k.socket(), "--state", state)
	c.Args[0] = "box"
	c.Dir = "/"
	c.Stderr = errs
	c.SysProcAttr = &unix.SysProcAttr{Setsid: true}
	ready, err := c.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return fmt.Errorf("start the keeper: %w", err)
	}
	if !awaitLine(ready, discard{}, "ready") {
		text, _ := os.ReadFile(said)
		return fmt.Errorf("start the keeper: %w: %s", c.Wait(), text)
	}
	var reaped sync.WaitGroup
	reaped.Go(func() { _ = c.Wait() }) // ends with the keeper, or is cut off with this process
	return nil
}

// quit ends the keeper if it owns nothing.
func (k *keeperProcess) quit(ctx context.Context) {
	if err := k.client().Quit(ctx); err != nil {
		k.log.Info("the keeper keeps running", "reason", err)
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
