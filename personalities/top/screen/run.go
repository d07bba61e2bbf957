// Package screen is `box top` in a terminal. A model (model.go) changes by keys, measurements and answers, and is drawn
// (draw.go); it starts nothing itself. Run brings it together with the terminal, the hosts, and the worker that carries
// out what it asks for.
package screen

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"time"

	"github.com/gdamore/tcell/v2"
	"golang.org/x/sys/unix"

	"box/personalities/cmd"
	"box/personalities/top/hosts"
	"box/personalities/top/rules"
)

// Options are how the screen begins.
type Options struct {
	Sort    string
	Reverse bool
	Filter  string
	Running bool         // hide containers that do not run
	Rules   *rules.Rules // what is told as wrong; nil: what this package finds
}

// calm is the least time between two drawings that no key has asked for.
const calmFor = 250 * time.Millisecond

// Run shows the screen until the user leaves it, or ctx ends.
func Run(ctx context.Context, env *cmd.Env, all []*hosts.Host, o Options) error {
	s, err := tcell.NewScreen()
	if err == nil {
		err = s.Init()
	}
	if err != nil {
		return &cmd.Exit{Code: 1, Err: fmt.Errorf("box top: the terminal %q: %w. --once prints a table", env.Getenv("TERM"),
			err)}
	}
	defer s.Fini()
	s.EnableMouse(tcell.MouseButtonEvents)
	fallBack(s)
	r := &runner{screen: s, model: NewModel(o, time.Now()), hosts: all, worker: newWorker(all)}
	return r.run(ctx)
}

// fallBack says what stands for the signs that a terminal of ASCII lacks, besides bars (canvas.bars).
func fallBack(s tcell.Screen) {
	for sign, ascii := range map[rune]string{'…': "~", '·': "-", '↓': "v", '↑': "^", '▸': ">", '▾': "v", '×': "x",
		'°': " "} {
		s.RegisterRuneFallback(sign, ascii)
	}
}

// runner is the loop of the screen.
type runner struct {
	screen tcell.Screen
	model  *Model
	hosts  []*hosts.Host
	worker *worker
	drawn  time.Time
}

func (r *runner) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer r.worker.all.Wait()
	defer cancel()
	changed := r.watch(ctx)
	r.update()
	keys, quit := make(chan tcell.Event, 16), make(chan struct{})
	defer close(quit)
	go r.screen.ChannelEvents(keys, quit)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	redraw := time.NewTimer(0)
	defer redraw.Stop()
	for !r.model.Ended() {
		wait := calmFor
		select {
		case <-ctx.Done():
			return nil
		case ev, ok := <-keys:
			if !ok {
				return errors.New("the terminal is gone")
			}
			r.carryOut(ctx, r.event(ev))
			wait = 0
			if len(keys) > 0 {
				continue // keys that come together are drawn together
			}
		case <-changed:
			r.update()
		case a := <-r.worker.answers:
			r.carryOut(ctx, r.model.Take(a))
		case now := <-tick.C:
			r.update()
			r.carryOut(ctx, r.model.Tick(now))
		case <-redraw.C:
			r.draw()
			continue
		}
		redraw.Reset(max(0, wait-time.Since(r.drawn)))
	}
	return nil
}

func (r *runner) draw() {
	r.model.Draw(r.screen)
	r.screen.Show()
	r.drawn = time.Now()
}

// watch measures all hosts until the end of ctx, and tells of changes.
func (r *runner) watch(ctx context.Context) <-chan struct{} {
	changed := make(chan struct{}, 1)
	for _, h := range r.hosts {
		changes, stop := h.Watch()
		r.worker.all.Go(func() {
			defer stop()
			for {
				select {
				case <-changes:
					select {
					case changed <- struct{}{}:
					default:
					}
				case <-ctx.Done():
					return
				}
			}
		})
	}
	return changed
}

func (r *runner) update() {
	states := make([]hosts.State, len(r.hosts))
	for i, h := range r.hosts {
		states[i] = h.State()
	}
	r.model.Update(states, time.Now())
}

// event handles an event of the terminal.
func (r *runner) event(ev tcell.Event) []Request {
	switch ev := ev.(type) {
	case *tcell.EventKey:
		switch ev.Key() {
		case tcell.KeyCtrlL:
			r.screen.Sync()
			return nil
		case tcell.KeyCtrlZ:
			r.stop()
			return nil
		}
		var list []Request
		for _, k := range keyNames(ev) {
			list = append(list, r.model.Key(k)...)
		}
		return list
	case *tcell.EventMouse:
		x, y := ev.Position()
		return r.model.Mouse(x, y, ev.Buttons())
	case *tcell.EventResize:
		r.screen.Sync()
	}
	return nil
}

// stop gives the terminal back to the shell that has started box top, until that continues it.
func (r *runner) stop() {
	if r.screen.Suspend() != nil {
		return
	}
	continued := make(chan os.Signal, 1)
	signal.Notify(continued, unix.SIGCONT)
	defer signal.Stop(continued)
	_ = unix.Kill(0, unix.SIGTSTP) // the whole job
	select {
	case <-continued:
	case <-time.After(stopTakes): // no shell controls the job
	}
	if err := r.screen.Resume(); err != nil {
		r.model.ended = true
	}
}

// stopTakes is how long a process may go on after it was told to stop.
const stopTakes = time.Second

// carryOut starts requests. A shell has the terminal to itself meanwhile.
func (r *runner) carryOut(ctx context.Context, list []Request) {
	for _, q := range list {
		if q.Verb != "shell" {
			r.worker.start(ctx, q)
			continue
		}
		err := r.shell(ctx, q)
		r.carryOut(ctx, r.model.Take(Answer{Request: q, Err: err}))
	}
}

// shell runs `docker exec` in this terminal.
func (r *runner) shell(ctx context.Context, q Request) error {
	if err := r.screen.Suspend(); err != nil {
		return err
	}
	fmt.Printf("\033[H\033[2JA shell in %s: exit returns to box top.\n", q.label())
	args := append([]string{"docker"}, r.hosts[q.Host].Docker()...)
	c := exec.CommandContext(ctx, "/proc/self/exe", append(args, "exec", "-it", q.Target, "sh")...)
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	err := c.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		if err = nil; exit.ExitCode() >= notStarted {
			fmt.Print("Enter returns to box top.")
			_, _ = fmt.Scanln()
			err = fmt.Errorf("%s: the shell did not start", q.label())
		}
	}
	return errors.Join(err, r.screen.Resume())
}

// notStarted is the least exit code of docker exec that says that the program did not start.
const notStarted = 125
