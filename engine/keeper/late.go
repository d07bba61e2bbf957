package keeper

import (
	"os"
	"sync"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"box/engine/runtime"
)

// lateContainer is a container of an earlier executable, loaded from its record when it is first needed: after a swap
// with a thousand containers most are never asked anything but to end.
type lateContainer struct {
	once sync.Once
	load func() (runtimeContainer, error)
	c    runtimeContainer
	err  error
}

func (l *lateContainer) get() (runtimeContainer, error) {
	l.once.Do(func() { l.c, l.err = l.load() })
	return l.c, l.err
}

// with calls do with the loaded container.
func (l *lateContainer) with(do func(runtimeContainer) error) error {
	c, err := l.get()
	if err != nil {
		return err
	}
	return do(c)
}

// Start is not for a container that was started by an earlier executable.
func (l *lateContainer) Start(*specs.Process, runtime.Streams) (int, *os.File, error) {
	return 0, nil, errConflict
}

func (l *lateContainer) Release() error { return l.with(runtimeContainer.Release) }
func (l *lateContainer) Pause() error   { return l.with(runtimeContainer.Pause) }
func (l *lateContainer) Resume() error  { return l.with(runtimeContainer.Resume) }

func (l *lateContainer) Exec(p *specs.Process, s runtime.Streams) (int, *os.File, error) {
	c, err := l.get()
	if err != nil {
		return 0, nil, err
	}
	return c.Exec(p, s)
}

func (l *lateContainer) Signal(sig unix.Signal, all bool) error {
	return l.with(func(c runtimeContainer) error { return c.Signal(sig, all) })
}

func (l *lateContainer) Update(r *specs.LinuxResources) error {
	return l.with(func(c runtimeContainer) error { return c.Update(r) })
}

func (l *lateContainer) Pids() ([]int, error) {
	c, err := l.get()
	if err != nil {
		return nil, err
	}
	return c.Pids()
}

func (l *lateContainer) CgroupPaths() (map[string]string, error) {
	c, err := l.get()
	if err != nil {
		return nil, err
	}
	return c.CgroupPaths()
}

func (l *lateContainer) OOMKills() int {
	c, err := l.get()
	if err != nil {
		return 0
	}
	return c.OOMKills()
}

func (l *lateContainer) Delete() error {
	return l.with(runtimeContainer.Delete)
}
