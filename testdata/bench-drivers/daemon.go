package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// diskSize is how large a file system is made; its file takes what is written.
const diskSize = 12 << 30

// daemon is a running one, with a file system of its own.
type daemon struct {
	program, client, dir string
	cmd                  *exec.Cmd
	mounted              bool
}

// start makes a file system and starts a daemon on it, in a folder that is made. What it returns beside an error has to
// be stopped too.
func start(dir, program, client, driver, files string) (*daemon, error) {
	d := &daemon{program: program, client: client, dir: dir}
	if err := os.MkdirAll(filepath.Join(dir, "data"), 0o711); err != nil {
		return nil, err
	}
	if err := d.mount(files); err != nil {
		return d, err
	}
	args := []string{"--storage-driver", driver, "-H", d.socket(), "--data-root", filepath.Join(dir, "data/root"),
		"--exec-root", filepath.Join(dir, "exec"), "--pidfile", filepath.Join(dir, "pid")}
	if program == client {
		args = append([]string{"dockerd"}, args...)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return d, err
	}
	defer log.Close()
	d.cmd = exec.Command(program, append(args, "--bridge", "none")...)
	d.cmd.Stdout, d.cmd.Stderr = log, log
	if err := d.cmd.Start(); err != nil {
		return d, err
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		_, err := d.docker("version")
		if err == nil {
			return d, nil
		}
		if time.Now().After(end) {
			said, _ := os.ReadFile(log.Name())
			return d, fmt.Errorf("%s is not ready after a minute: %w: %s", program, err, said)
		}
	}
}

// mount makes a file system in a file and mounts it where the daemon has its data.
func (d *daemon) mount(files string) error {
	disk := filepath.Join(d.dir, "disk")
	if err := os.WriteFile(disk, nil, 0o600); err != nil {
		return err
	}
	if err := os.Truncate(disk, diskSize); err != nil {
		return err
	}
	for _, args := range [][]string{{"mkfs." + files, "-q", disk}, {"mount", "-o", "loop", disk, d.data()}} {
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", args[0], err, out)
		}
	}
	d.mounted = true
	return nil
}

func (d *daemon) data() string   { return filepath.Join(d.dir, "data") }
func (d *daemon) socket() string { return "unix://" + filepath.Join(d.dir, "s") }

// docker runs a command of the client, the same on both sides, and returns what it printed.
func (d *daemon) docker(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, d.client, append([]string{"docker", "-H", d.socket()}, args...)...).Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = fmt.Errorf("%w: %s", err, exit.Stderr)
	}
	return string(out), err
}

// stop ends the daemon and removes its file system.
func (d *daemon) stop() {
	if d.cmd != nil {
		_ = d.cmd.Process.Signal(unix.SIGTERM)
		_ = d.cmd.Wait()
	}
	// What the daemon runs apart may hold it for a moment longer.
	for range 100 {
		if !d.mounted || unix.Unmount(d.data(), 0) == nil {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if err := os.RemoveAll(d.dir); err != nil {
		fmt.Fprintln(os.Stderr, "bench-drivers:", err)
	}
}
