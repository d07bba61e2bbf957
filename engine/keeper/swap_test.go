package keeper

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"box/engine/logs"
	"box/engine/runtime"
	"box/engine/runtime/runc"
	"box/engine/task"
)

// TestMain lets the test's own executable be the keeper and, through runc's init, a container's first process.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "keeper" {
		if err := testKeeper(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// runcFiles is the variable that names the folder for libcontainer's files.
const runcFiles = "BOX_TEST_RUNC_FILES"

// testKeeper does what `box keeper` does: --check-state, --resume FD, or SOCKET STATE.
func testKeeper(args []string) error {
	box, err := runtime.New()
	if err != nil {
		return err
	}
	other, err := runc.New(os.Getenv(runcFiles))
	if err != nil {
		return err
	}
	o := Options{Build: "test", Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
		Runtimes: map[string]runtime.Runtime{task.Box: box, task.Runc: other}}
	switch args[0] {
	case "--check-state":
		return CheckState(os.Stdin, o.Runtimes)
	case "--resume":
		fd, err := strconv.Atoi(args[1])
		if err != nil {
			return err
		}
		k, err := Resume(fd, o)
		if err != nil {
			return err
		}
		return k.Run(context.Background())
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: args[0], Net: "unix"})
	if err != nil {
		return err
	}
	o.Listener, o.State = l, args[1]
	k, err := New(o)
	if err != nil {
		return err
	}
	return k.Run(context.Background())
}

// bench is a keeper in a process of its own, with a root file system to start containers on.
type bench struct {
	t       *testing.T
	dir     string
	root    string
	client  *task.Client
	exits   chan task.Exit
	told    map[string]int // exits that came; they may come again until they are forgotten
	unwatch func()
}

func startKeeper(t *testing.T) *bench {
	if os.Getuid() != 0 {
		t.Skip("starting containers needs root")
	}
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Skip("busybox is not installed")
	}
	b := &bench{t: t, dir: t.TempDir(), exits: make(chan task.Exit, 10000), told: map[string]int{}}
	b.root = filepath.Join(b.dir, "root")
	for _, d := range []string{"bin", "proc", "sys", "dev", "tmp"} {
		must(t, os.MkdirAll(filepath.Join(b.root, d), 0o755))
	}
	raw, err := os.ReadFile(busybox)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(b.root, "bin/busybox"), raw, 0o755))
	must(t, os.Symlink("busybox", filepath.Join(b.root, "bin/sh")))
	socket := filepath.Join(b.dir, "k.sock")
	cmd := exec.Command("/proc/self/exe", "keeper", socket, filepath.Join(b.dir, "state"))
	cmd.Env = append(os.Environ(), runcFiles+"="+filepath.Join(b.dir, "runc"))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	must(t, cmd.Start())
	b.client = task.Dial(socket)
	ctx, cancel := context.WithCancel(context.Background())
	b.unwatch = cancel
	t.Cleanup(func() {
		cancel()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if stderr.Len() > 0 {
			t.Logf("keeper said: %s", &stderr)
		}
	})
	for try := 0; ; try++ {
		if _, _, err := b.client.Hello(ctx); err == nil {
			break
		} else if try > 500 {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Millisecond)
	}
	go func() {
		if err := b.client.Watch(ctx, func(x task.Exit) { b.exits <- x }); err != nil && ctx.Err() == nil {
			t.Errorf("watch: %v", err)
		}
	}()
	return b
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (b *bench) logPath(id string) string { return filepath.Join(b.dir, id+".log") }

func (b *bench) launch(id, script string) (task.Status, error) {
	return b.launchLogged(id, script, task.Log{Driver: "json-file", Path: b.logPath(id)})
}

func (b *bench) launchLogged(id, script string, log task.Log) (task.Status, error) {
	caps := []string{"CAP_KILL"}
	return b.client.Launch(context.Background(), task.Launch{
		ID: id, Log: log, Runtime: os.Getenv("BOX_RUNTIME"),
		Spec: &specs.Spec{
			Version: specs.Version,
			Root:    &specs.Root{Path: b.root},
			Process: &specs.Process{
				Args: []string{"/bin/sh", "-c", script}, Cwd: "/", Env: []string{"PATH=/bin"},
				Capabilities: &specs.LinuxCapabilities{Bounding: caps, Effective: caps, Permitted: caps},
			},
			Mounts: rootMounts(),
			Linux: &specs.Linux{
				CgroupsPath: "/boxtest-" + filepath.Base(b.dir) + "/" + id,
				Namespaces: []specs.LinuxNamespace{
					{Type: specs.MountNamespace}, {Type: specs.PIDNamespace}, {Type: specs.NetworkNamespace},
					{Type: specs.IPCNamespace}, {Type: specs.UTSNamespace},
				},
			},
		},
	}, nil)
}

func rootMounts() []specs.Mount {
	return []specs.Mount{
		{Type: "proc", Source: "proc", Destination: "/proc"},
		{Type: "tmpfs", Source: "tmpfs", Destination: "/dev"},
	}
}

func swaps() int {
	if n, err := strconv.Atoi(os.Getenv("BOX_SWAPS")); err == nil {
		return n
	}
	return 40
}

// TestSwap swaps the keeper again and again under 20 containers that print without pause, with launches racing, and
// with executables that are no keeper in between. Every launch is answered, every exit code is right and every line
// is kept.
func TestSwap(t *testing.T) {
	b := startKeeper(t)
	const writers, lines = 20, 400
	want := map[string]int{}
	for i := range writers {
		id := fmt.Sprintf("writer%d", i)
		want[id] = i + 1
		_, err := b.launch(id, fmt.Sprintf(`i=0; while [ $i -lt %d ]; do echo line $i; i=$((i+1)); busybox usleep 2000; done; exit %d`, lines, i+1))
		must(t, err)
	}
	broken := filepath.Join(b.dir, "broken")
	must(t, os.WriteFile(broken, []byte("#!/bin/false\n"), 0o755))

	var racing sync.WaitGroup
	stop := make(chan struct{})
	var mu sync.Mutex
	for worker := range 2 {
		racing.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				id, code := fmt.Sprintf("race%d-%d", worker, i), 1+i%100
				if _, err := b.launch(id, fmt.Sprintf("echo hi; exit %d", code)); err != nil {
					t.Errorf("launch %s: %v", id, err)
					return
				}
				mu.Lock()
				want[id] = code
				mu.Unlock()
			}
		})
	}
	for i := range swaps() {
		if i%10 == 5 {
			if err := b.client.Swap(context.Background(), broken); err == nil {
				t.Error("a swap to a file that is no keeper was taken")
			}
			continue
		}
		if err := b.client.Swap(context.Background(), "/proc/self/exe"); err != nil {
			t.Errorf("swap %d: %v", i, err)
		}
	}
	close(stop)
	racing.Wait()
	b.collect(want)
	for i := range writers {
		b.checkLines(fmt.Sprintf("writer%d", i), lines)
	}
}

// collect waits for the wanted exits. Each comes at least once until it is forgotten.
func (b *bench) collect(want map[string]int) {
	limit := time.After(2 * time.Minute)
	seen := map[string]bool{}
	for len(seen) < len(want) {
		select {
		case x := <-b.exits:
			if code, told := b.told[x.Container]; told && x.Code == code {
				continue
			}
			b.told[x.Container] = x.Code
			if code, ok := want[x.Container]; !ok || x.Code != code {
				b.t.Errorf("%s ended with %d, want %d", x.Container, x.Code, code)
			}
			seen[x.Container] = true
			if err := b.client.Task(x.Container).Forget(context.Background(), ""); err != nil {
				b.t.Errorf("forget %s: %v", x.Container, err)
			}
		case <-limit:
			b.t.Fatalf("%d of %d exits came", len(seen), len(want))
		}
	}
	b.t.Logf("%d exit codes over %d swaps", len(seen), swaps())
}

func (b *bench) checkLines(id string, lines int) {
	n := 0
	err := logs.Files{Path: b.logPath(id)}.Read(context.Background(), logs.Query{Tail: -1}, func(e *logs.Entry) error {
		if want := fmt.Sprintf("line %d\n", n); string(e.Text) != want {
			return fmt.Errorf("%q, want %q", e.Text, want)
		}
		n++
		return nil
	})
	if err != nil || n != lines {
		b.t.Errorf("%s: %d of %d lines: %v", id, n, lines, err)
	}
}

// TestSignalAndFailure checks that a signal ends a program with 128 plus its number, and that a missing program is an
// error that leaves nothing.
func TestSignalAndFailure(t *testing.T) {
	b := startKeeper(t)
	ctx := context.Background()
	_, err := b.launch("sleeper", "exec busybox sleep 1000")
	must(t, err)
	must(t, b.client.Task("sleeper").Signal(ctx, "", unix.SIGKILL, false))
	b.collect(map[string]int{"sleeper": 137})
	_, err = b.client.Launch(ctx, task.Launch{ID: "bad", Spec: &specs.Spec{
		Version: specs.Version, Root: &specs.Root{Path: b.root},
		Process: &specs.Process{Args: []string{"/nothing"}, Cwd: "/"}, Mounts: rootMounts(),
		Linux: &specs.Linux{CgroupsPath: "/boxtest-bad",
			Namespaces: []specs.LinuxNamespace{{Type: specs.MountNamespace}, {Type: specs.PIDNamespace}}},
	}}, nil)
	if err == nil || !strings.Contains(err.Error(), "/nothing") {
		t.Errorf("launch of a program that is not there: %v", err)
	}
	if list, err := b.client.Find(ctx); err != nil || len(list) != 0 {
		t.Errorf("left after a failed launch: %v, %v", list, err)
	}
	if _, err := os.Stat(filepath.Join(b.dir, "state", "bad")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("record of a failed launch: %v", err)
	}
	b.unwatch() // who watches would look for it again
	if err := b.client.Quit(ctx); err != nil {
		t.Errorf("quit: %v", err)
	}
}

// TestSlowServer checks that containers whose lines go to a slow log server do not hold up swaps or other containers,
// and that every line comes once and in order, over swaps and rotations.
func TestSlowServer(t *testing.T) {
	b := startKeeper(t)
	const lines = 3000
	server, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer server.Close()
	came := make(chan []string, 1)
	go func() {
		conn, err := server.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		var got []string
		for in := bufio.NewScanner(conn); in.Scan(); {
			if len(got)%300 == 0 {
				time.Sleep(100 * time.Millisecond)
			}
			_, text, _ := strings.Cut(in.Text(), "]: ")
			got = append(got, text[:strings.IndexByte(text, 'x')])
		}
		came <- got
	}()
	pad := strings.Repeat("x", 2000)
	script := func(pause string) string {
		return fmt.Sprintf(`i=0; while [ $i -lt %d ]; do echo line $i %s; i=$((i+1)); %s done`, lines, pad, pause)
	}
	_, err = b.launchLogged("remote", script(""),
		task.Log{Driver: "syslog", Options: map[string]string{"syslog-address": "tcp://" + server.Addr().String()}})
	must(t, err)
	stuck, err := net.Listen("tcp", "127.0.0.1:0") // nobody accepts there
	must(t, err)
	defer stuck.Close()
	for _, mode := range []string{"blocking", "non-blocking"} {
		_, err = b.launchLogged(mode, "exec busybox yes "+pad,
			task.Log{Driver: "syslog", Options: map[string]string{"syslog-address": "tcp://" + stuck.Addr().String(),
				"mode": mode}})
		must(t, err)
	}
	rotated := task.Log{Driver: "json-file", Path: b.logPath("rotated"),
		Options: map[string]string{"max-size": "100k", "max-file": "100", "compress": "true"}}
	_, err = b.launchLogged("rotated", script("busybox usleep 200;"), rotated)
	must(t, err)
	for i := range 15 {
		began := time.Now()
		must(t, b.client.Swap(context.Background(), "/proc/self/exe"))
		if took := time.Since(began); took > 30*time.Second { // a stuck swap would never end
			t.Errorf("swap %d took %v", i, took)
		}
		time.Sleep(20 * time.Millisecond)
	}
	b.collect(map[string]int{"remote": 0, "rotated": 0})
	got := <-came
	if len(got) != lines {
		t.Errorf("%d of %d lines came", len(got), lines)
	}
	for i, text := range got {
		if want := fmt.Sprintf("line %d ", i); text != want {
			t.Fatalf("line %d is %q", i, text)
		}
	}
	n := 0
	must(t, logs.Files{Path: rotated.Path}.Read(context.Background(), logs.Query{Tail: -1}, func(e *logs.Entry) error {
		if want := fmt.Sprintf("line %d x", n); !strings.HasPrefix(string(e.Text), want) {
			return fmt.Errorf("%.30q, want %q", e.Text, want)
		}
		n++
		return nil
	}))
	if packed, _ := filepath.Glob(rotated.Path + ".*.gz"); n != lines || len(packed) == 0 {
		t.Errorf("%d lines, %d compressed files", n, len(packed))
	}
	for _, mode := range []string{"blocking", "non-blocking"} {
		must(t, b.client.Task(mode).Signal(context.Background(), "", unix.SIGKILL, false))
	}
	began := time.Now()
	b.collect(map[string]int{"blocking": 137, "non-blocking": 137})
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("the end of containers whose server is stuck took %v", took)
	}
}
