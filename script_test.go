package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// inside marks the copy of this test that has network and mounts of its own, so that daemons may make docker0 and leave nothing.
const inside = "BOX_SCRIPT_INSIDE"

func TestMain(m *testing.M) {
	flag.Parse()
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

// TestScript runs each session of testdata/script against a daemon of its own. In a script `docker` and `dockerd` are box, `docker-cli`
// is Docker's own client where it is installed, DOCKER_HOST is the daemon's socket, and $IMAGES/busybox.tar is an image.
//
// Commands of ours: `eventually COMMAND...` runs a command until it succeeds, 10 s at most; `restart-daemon [FLAG...]` ends the daemon
// with SIGTERM and starts it anew, `kill-daemon` and `start-daemon [FLAG...]` do the halves, the first with SIGKILL.
func TestScript(t *testing.T) {
	if os.Getenv(inside) == "" {
		t.Skip("not root: scripts start containers")
	}
	box := os.Getenv("BOX_BINARY")
	if box == "" {
		t.Fatal("BOX_BINARY must name the box to test: use `make test`")
	}
	images := t.TempDir()
	if err := busyboxImage(filepath.Join(images, "busybox.tar")); err != nil {
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
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", bin+":"+env.Getenv("PATH"))
			env.Setenv("IMAGES", images)
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("DOCKER_CONFIG", filepath.Join(env.WorkDir, ".docker"))
			d := &daemon{box: box, dir: env.WorkDir}
			env.Setenv("DOCKER_HOST", d.host())
			env.Values[daemon{}] = d
			env.Defer(d.end)
			return d.start()
		},
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "docker-cli":
				return dockerCLI() != "", nil
			case "peer":
				return hasPeer(), nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"eventually":     eventually,
			"start-peer":     startPeer,
			"start-registry": startRegistry,
			"restart-daemon": func(s *testscript.TestScript, _ bool, args []string) { theDaemon(s).restart(s, args) },
			"start-daemon":   func(s *testscript.TestScript, _ bool, args []string) { s.Check(theDaemon(s).start(args...)) },
			"kill-daemon":    func(s *testscript.TestScript, _ bool, _ []string) { s.Check(theDaemon(s).signal(syscall.SIGKILL)) },
		},
	})
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
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if err = s.Exec(args[0], args[1:]...); (err != nil) == neg {
			return
		}
	}
	s.Fatalf("%s: still not after 10 s: %v", strings.Join(args, " "), err)
}

// daemon is one dockerd below the folder of a script.
type daemon struct {
	box, dir string
	c        *exec.Cmd
}

func (d *daemon) host() string { return "unix://" + filepath.Join(d.dir, "docker.sock") }

// start returns when the API answers.
func (d *daemon) start(flags ...string) error {
	log, err := os.OpenFile(filepath.Join(d.dir, "dockerd.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	d.c = exec.Command(d.box, append([]string{
		"dockerd", "-H", d.host(), "--data-root", filepath.Join(d.dir, "data"), "--exec-root", filepath.Join(d.dir, "run"),
		"--pidfile", filepath.Join(d.dir, "docker.pid"), "--shutdown-timeout", "2",
	}, flags...)...)
	d.c.Stderr, d.c.Stdout = log, log
	if err := d.c.Start(); err != nil {
		return err
	}
	for range 500 {
		if c, err := net.Dial("unix", filepath.Join(d.dir, "docker.sock")); err == nil {
			return c.Close()
		}
		time.Sleep(10 * time.Millisecond)
	}
	said, _ := os.ReadFile(log.Name())
	return fmt.Errorf("dockerd does not answer: %w: %s", errors.Join(d.signal(syscall.SIGKILL)), said)
}

// signal ends the daemon.
func (d *daemon) signal(sig syscall.Signal) error {
	if d.c == nil {
		return nil
	}
	err := d.c.Process.Signal(sig)
	_ = d.c.Wait() // how it ended is the script's matter
	d.c = nil
	return err
}

func (d *daemon) restart(s *testscript.TestScript, flags []string) {
	s.Check(d.signal(syscall.SIGTERM))
	s.Check(d.start(flags...))
}

// end stops what a script left: containers, daemon, keeper and mounts.
func (d *daemon) end() {
	if d.c == nil && d.start() != nil {
		return
	}
	c := exec.Command(d.box, "docker", "-H", d.host(), "ps", "-aq")
	if ids, err := c.Output(); err == nil {
		_ = exec.Command(d.box, append([]string{"docker", "-H", d.host(), "rm", "-fv"}, strings.Fields(string(ids))...)...).Run()
	}
	_ = d.signal(syscall.SIGTERM)
}

// busyboxImage writes an archive of the image busybox:latest, one layer made of the machine's static busybox.
func busyboxImage(path string) error {
	program, err := exec.LookPath("busybox")
	if err != nil {
		return err
	}
	raw, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	list, err := exec.Command(program, "--list").Output()
	if err != nil {
		return err
	}
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	for _, dir := range []string{"bin", "dev", "etc", "home", "proc", "root", "sys", "tmp", "usr", "var"} {
		mode := int64(0o755)
		if dir == "tmp" {
			mode = 0o1777
		}
		_ = w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir + "/", Mode: mode})
	}
	file := func(w *tar.Writer, name string, mode int64, b []byte) {
		_ = w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: int64(len(b))})
		_, _ = w.Write(b)
	}
	file(w, "bin/busybox", 0o755, raw)
	for _, name := range strings.Fields(string(list)) {
		if name != "busybox" {
			_ = w.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: "bin/" + name, Linkname: "busybox", Mode: 0o777})
		}
	}
	file(w, "etc/passwd", 0o644, []byte("root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/home:/bin/sh\n"))
	file(w, "etc/group", 0o644, []byte("root:x:0:\nuser:x:1000:\nextra:x:2000:user\n"))
	if err := w.Close(); err != nil {
		return err
	}
	config, err := json.Marshal(map[string]any{
		"architecture": "amd64", "os": "linux", "created": "2024-05-01T00:00:00Z",
		"config":  map[string]any{"Cmd": []string{"sh"}, "Env": []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}},
		"rootfs":  map[string]any{"type": "layers", "diff_ids": []string{fmt.Sprintf("sha256:%x", sha256.Sum256(layer.Bytes()))}},
		"history": []any{map[string]any{"created": "2024-05-01T00:00:00Z", "created_by": "ADD busybox /"}},
	})
	if err != nil {
		return err
	}
	var out bytes.Buffer
	w = tar.NewWriter(&out)
	file(w, "config.json", 0o644, config)
	file(w, "layer.tar", 0o644, layer.Bytes())
	file(w, "manifest.json", 0o644, []byte(`[{"Config":"config.json","RepoTags":["busybox:latest"],"Layers":["layer.tar"]}]`))
	if err := w.Close(); err != nil {
		return err
	}
	return os.WriteFile(path, out.Bytes(), 0o600)
}
