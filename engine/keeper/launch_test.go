package keeper

import (
	"log/slog"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"box/engine/logs"
	"box/engine/runtime"
	"box/engine/task"
)

// host is a container without isolation: its programs are children of the test.
type host struct{ runtime.Container }

func (host) Exec(p *specs.Process, s runtime.Streams) (pid int, terminal *os.File, err error) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return 0, nil, err
	}
	defer null.Close()
	pid, err = syscall.ForkExec(p.Args[0], p.Args,
		&syscall.ProcAttr{Files: []uintptr{null.Fd(), s.Stdout.Fd(), s.Stderr.Fd()}})
	if err == nil { // return only after it has ended
		err = unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
	}
	return pid, nil, err
}

// TestEndsAtOnce has programs end before the keeper knows them, while somebody looks for ended ones all the time.
func TestEndsAtOnce(t *testing.T) {
	k := &Keeper{
		o:          Options{Log: slog.New(slog.DiscardHandler)},
		containers: map[string]*container{}, programs: map[int]*program{}, slots: make(chan struct{}, launchesAtOnce),
	}
	k.packer = logs.NewPacker(k.busy)
	defer k.packer.Stop()
	k.exits.init()
	k.containers["c"] = &container{id: "c", rt: host{}, main: &program{container: "c"}, execs: map[string]*program{}}
	stop := make(chan struct{})
	var looking sync.WaitGroup
	for range 2 {
		looking.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					k.reapPrograms()
				}
			}
		})
	}
	const programs = 200
	for i := range programs {
		id := string(rune('a'+i%26)) + time.Duration(i).String()
		if _, err := k.exec("c", &task.Exec{ID: id, Process: &specs.Process{Args: []string{"/bin/true"}}}, nil); err != nil {
			t.Fatal(err)
		}
	}
	seen, last := 0, uint64(0)
	for seen < programs {
		for _, e := range k.exits.after(last, func() bool { return false }) {
			if last = e.n; e.exit.Code != 0 {
				t.Errorf("exec %s ended with %d", e.exit.Exec, e.exit.Code)
			}
			seen++
		}
	}
	close(stop)
	looking.Wait()
	k.endings.Wait()
}
