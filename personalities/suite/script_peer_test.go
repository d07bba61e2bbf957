package suite

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// Others beside whom scripts try box. `start-peer` starts Debian's Docker, whose socket is then $PEER: it has no
// bridge and takes box's away, so that containers beside it use --network none or host. `start-peer apart` starts it in
// a network namespace, where it has a bridge, of which box's containers know nothing. `start-registry` starts a
// registry, whose address is then $REGISTRY, and which lets nobody but the users of the file HTPASSWD in where one is
// given. Guard them with [peer] and [exec:docker-registry]. `collect NETWORK ADDRESS FILE` listens there and writes
// all that comes to a file; a socket and the file are in the script's folder.

// peerDaemon is where Debian installs Docker's daemon; the dockerd of a script's PATH is box.
const peerDaemon = "/usr/sbin/dockerd"

func hasPeer() bool {
	_, err := os.Stat(peerDaemon)
	return err == nil
}

func startPeer(s *testscript.TestScript, _ bool, args []string) {
	dir := s.MkAbs("peer")
	s.Check(os.Mkdir(dir, 0o700))
	socket := filepath.Join(dir, "docker.sock")
	line := []string{peerDaemon, "-H", "unix://" + socket, "--data-root", filepath.Join(dir, "data"),
		"--exec-root", filepath.Join(dir, "run"), "--pidfile", filepath.Join(dir, "pid"), "--iptables=false"}
	if len(args) > 0 {
		line = append([]string{"unshare", "-n"}, line...)
	} else {
		line = append(line, "--bridge", "none")
	}
	run(s, "unix", socket, dir, line[0], line[1:]...)
	s.Setenv("PEER", "unix://"+socket)
}

func startRegistry(s *testscript.TestScript, _ bool, args []string) {
	dir, err := os.MkdirTemp(s.MkAbs("."), "registry")
	s.Check(err)
	users := ""
	if len(args) > 0 {
		users = fmt.Sprintf("auth: {htpasswd: {realm: test, path: %s}}\n", s.MkAbs(args[0]))
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	s.Check(err)
	address := l.Addr().String()
	s.Check(l.Close())
	config := filepath.Join(dir, "config.yml")
	s.Check(os.WriteFile(config, fmt.Appendf(nil,
		"version: 0.1\nstorage: {filesystem: {rootdirectory: %s}, delete: {enabled: true}}\nhttp: {addr: %s}\n%s",
		filepath.Join(dir, "data"), address, users), 0o600))
	run(s, "tcp", address, dir, "docker-registry", "serve", config)
	s.Setenv("REGISTRY", address)
}

// run starts a server, waits until it listens, and ends it with the script.
func run(s *testscript.TestScript, network, address, dir, program string, args ...string) {
	log, err := os.Create(filepath.Join(dir, "log"))
	s.Check(err)
	defer log.Close()
	c := exec.Command(program, args...)
	c.Stdout, c.Stderr = log, log
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	s.Check(c.Start())
	s.Defer(func() {
		_ = c.Process.Signal(syscall.SIGTERM)
		_ = c.Wait() // how it ends is its own matter
	})
	for range 1000 {
		if conn, err := net.Dial(network, address); err == nil {
			s.Check(conn.Close())
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	said, _ := os.ReadFile(log.Name())
	s.Fatalf("%s does not answer: %s", program, said)
}

// collect is a server that says nothing.
func collect(s *testscript.TestScript, _ bool, args []string) {
	if len(args) != 3 {
		s.Fatalf("usage: collect network address file")
	}
	network, address := args[0], args[1]
	if strings.HasPrefix(network, "unix") {
		address = s.MkAbs(address)
	}
	out, err := os.Create(s.MkAbs(args[2]))
	s.Check(err)
	s.Defer(func() { out.Close() })
	if network == "udp" || network == "unixgram" {
		c, err := net.ListenPacket(network, address)
		s.Check(err)
		s.Defer(func() { c.Close() })
		go func() {
			b := make([]byte, 1<<16)
			for n, _, err := c.ReadFrom(b); err == nil; n, _, err = c.ReadFrom(b) {
				_, _ = out.Write(b[:n]) // the script misses what is not there
			}
		}()
		return
	}
	l, err := net.Listen(network, address)
	s.Check(err)
	s.Defer(func() { l.Close() })
	go func() {
		for c, err := l.Accept(); err == nil; c, err = l.Accept() {
			_, _ = io.Copy(out, c)
			c.Close()
		}
	}()
}
