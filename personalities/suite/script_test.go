package suite

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"

	"box/fs/fstest"
)

// inside marks the copy of this test that has network and mounts of its own, so that daemons may make docker0 and
// leave nothing.
const inside = "BOX_SCRIPT_INSIDE"

func TestMain(m *testing.M) {
	flag.Parse()
	if os.Getenv(inside) == "" {
		if err := os.Chdir("../.."); err != nil { // what the tests read is named from the top of the tree
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	if os.Getuid() == 0 && os.Getenv(inside) == "" {
		os.Exit(again())
	}
	if os.Getenv(inside) != "" {
		if err := settle(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		_ = flag.Set("test.parallel", "1") // each script has a daemon, and all of them one network
	}
	os.Exit(m.Run())
}

// again runs this test in namespaces of its own and returns its exit code.
func again() int {
	c := exec.Command("/proc/self/exe", os.Args[1:]...)
	c.Env = append(os.Environ(), inside+"=1")
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET | unix.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if err := c.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "test in namespaces of its own:", err)
		return max(c.ProcessState.ExitCode(), 1)
	}
	return 0
}

// settle keeps our mounts to ourselves and brings the loopback interface up (netdevice(7)).
func settle() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer unix.Close(s)
	r, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	r.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, r)
}

// TestScript runs each session of testdata/script against a daemon of its own. In a script `docker` and `dockerd` are
// box, `docker-cli` is Docker's own client where it is installed, DOCKER_HOST is the daemon's socket, $RUNTIME the
// runtime of its containers, and $IMAGES/busybox.tar is an image, $SOURCE the repository; $IMAGES/app.tar is busybox
// with volumes, see appImage.
//
// Commands of ours: `eventually COMMAND...` runs a command until it succeeds, 10 s at most; `restart-daemon
// [FLAG...]` ends the daemon with SIGTERM and starts it anew, `kill-daemon` and `start-daemon [FLAG...]` do the
// halves, the first with SIGKILL; `kill-keeper` is SIGKILL for the keeper, `stop-daemon` SIGTERM for the daemon;
// `census FILE` counts what there is and `same-census FILE` waits 10 s at most until all is as it was;
// `idle-connections ADDRESS IDLE SLOW` pings beside connections that are silent or slow; `load get|connect|echo
// NETWORK ADDRESS [PATH]` asks all the time and `end-load COUNT` fails if it was not answered once; `other-build FILE
// NEW` makes another build of box, and `state-version FILE N` a state of another version; `on-loop KIND FOLDER`
// mounts a file system, which goes with the test.
func TestScript(t *testing.T) {
	if os.Getenv(inside) == "" {
		t.Skip("not root: scripts start containers")
	}
	box := os.Getenv("BOX_BINARY")
	if box == "" {
		t.Fatal("BOX_BINARY must name the box to test: use `make test`")
	}
	source, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	images := t.TempDir()
	if err := errors.Join(busyboxImage(filepath.Join(images, "busybox.tar")),
		appImage(filepath.Join(images, "app.tar"))); err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	for _, name := range []string{"box", "docker", "dockerd"} {
		if err := os.Symlink(box, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	if cli := dockerCLI(); cli != "" {
		if err := os.Symlink(cli, filepath.Join(bin, "docker-cli")); err != nil {
			t.Fatal(err)
		}
	}
	scripts, err := filepath.Glob("testdata/script/*/*.txtar")
	if err != nil || len(scripts) == 0 {
		t.Fatal("no scripts: ", err)
	}
	testscript.Run(t, testscript.Params{
		Files: scripts, WorkdirRoot: t.TempDir(),
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", bin+":"+env.Getenv("PATH"))
			env.Setenv("IMAGES", images)
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("DOCKER_CONFIG", filepath.Join(env.WorkDir, ".docker"))
			d := &daemon{box: box, dir: env.WorkDir}
			env.Setenv("DOCKER_HOST", d.host())
			env.Setenv("CGROUP", d.cgroup())
			env.Setenv("RUNTIME", defaultRuntime())
			env.Setenv("SOURCE", source)
			for _, name := range []string{"BOX_KILLS", "BOX_DRIVERS", "BOX_READY_MS"} { // of make kill-test
				env.Setenv(name, os.Getenv(name))
			}
			env.Values[daemon{}] = d
			clients := &loads{stop: make(chan struct{})}
			env.Values[loadsKey{}] = clients
			env.Defer(clients.close)
			env.Defer(d.end)
			return d.start()
		},
		Condition: scriptCondition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"eventually":       eventually,
			"start-peer":       startPeer,
			"start-registry":   startRegistry,
			"collect":          collect,
			"restart-daemon":   func(s *testscript.TestScript, _ bool, args []string) { theDaemon(s).restart(s, args) },
			"idle-connections": idleConnections,
			"load":             startLoad,
			"end-load":         endLoad,
			"other-build":      otherBuild,
			"on-loop":          onLoop,
			"state-version":    stateVersion,
			"kill-keeper":      func(s *testscript.TestScript, _ bool, _ []string) { s.Check(theDaemon(s).killKeeper()) },
			"start-daemon":     func(s *testscript.TestScript, _ bool, args []string) { s.Check(theDaemon(s).start(args...)) },
			"census":           census,
			"same-census":      sameCensus,
			"stop-daemon": func(s *testscript.TestScript, _ bool,
				_ []string) {
				s.Check(theDaemon(s).signal(syscall.SIGTERM))
			},
			"kill-daemon": func(s *testscript.TestScript, _ bool,
				_ []string) {
				s.Check(theDaemon(s).signal(syscall.SIGKILL))
			},
		},
	})
}

func onLoop(s *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		s.Fatalf("usage: on-loop kind folder")
	}
	s.Check(fstest.Loop(args[0], s.MkAbs(args[1])))
}

func theDaemon(s *testscript.TestScript) *daemon { return s.Value(daemon{}).(*daemon) }

// dockerCLI is the path of Docker's own client, "" for none.
func dockerCLI() string {
	p, err := exec.LookPath("docker")
	if err != nil {
		return ""
	}
	return p
}

func eventually(s *testscript.TestScript, neg bool, args []string) {
	if len(args) == 0 {
		s.Fatalf("usage: eventually command [args...]")
	}
	var err error
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if err = s.Exec(args[0], args[1:]...); (err != nil) == neg {
			return
		}
	}
	s.Fatalf("%s: still not after a minute: %v", strings.Join(args, " "), err)
}
