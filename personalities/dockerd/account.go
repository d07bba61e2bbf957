package dockerd

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/moby/moby/api/types/system"
	"golang.org/x/sys/unix"

	"box/engine"
	"box/personalities/cmd"
	"box/personalities/dockerd/config"
)

// account prints what the daemon found on this host and how it is configured, above the addresses that it listens on.
func account(ctx context.Context, o *config.Options, env *cmd.Env, e *engine.Engine) error {
	i, err := e.Info(ctx)
	if err != nil {
		return err
	}
	printFrame(env.Stderr, "box "+cmd.Version, accountRows(o, i))
	return nil
}

// accountRows returns the printed rows, each a name and a text.
func accountRows(o *config.Options, i *system.Info) [][2]string {
	bridge := cmp.Or(o.Bridge, "docker0")
	switch {
	case bridge == "none":
		bridge = "none: containers have no network but the host's"
	case bool(o.NoRules):
		bridge += ", without firewall rules (--iptables=false)"
	default:
		bridge += ", rules in nf_tables"
	}
	rows := [][2]string{
		{"data", i.DockerRootDir + freeAt(i.DockerRootDir)},
		{"images", driverText(i)},
		{"network", bridge},
		{"control groups", "version " + i.CgroupVersion},
		{"kernel", i.KernelVersion + ", " + i.Architecture},
		{"containers", fmt.Sprintf("%d, %d of them running; %d images", i.Containers, i.ContainersRunning, i.Images)},
	}
	for n, w := range i.Warnings {
		name := ""
		if n == 0 {
			name = "limited"
		}
		first, _, _ := strings.Cut(strings.TrimPrefix(w, "WARNING: "), "\n")
		rows = append(rows, [2]string{name, first})
	}
	return rows
}

// driverText returns the storage driver and its backing file system.
func driverText(i *system.Info) string {
	for _, s := range i.DriverStatus {
		if s[0] == "Backing Filesystem" {
			return i.Driver + " on " + s[1]
		}
	}
	return i.Driver
}

// freeAt returns how much space is free at a path, or "" if that is unknown.
func freeAt(path string) string {
	var st unix.Statfs_t
	if unix.Statfs(path, &st) != nil {
		return ""
	}
	return fmt.Sprintf(", %d MiB free", st.Bavail*uint64(st.Bsize)>>20)
}

// frameWidth is the length of the first and the last line.
const frameWidth = 72

func printFrame(w io.Writer, title string, rows [][2]string) {
	var b strings.Builder
	fmt.Fprintf(&b, "-- %s %s\n", title, strings.Repeat("-", max(3, frameWidth-len(title)-4)))
	for _, r := range rows {
		fmt.Fprintf(&b, "   %-16s%s\n", r[0], r[1])
	}
	b.WriteString(strings.Repeat("-", frameWidth) + "\n")
	_, _ = io.WriteString(w, b.String()) // a log that cannot be written stops nothing
}

// farewell says what happens to running containers when the daemon ends.
func farewell(ctx context.Context, o *config.Options, e *engine.Engine) string {
	i, err := e.Info(ctx)
	switch {
	case err != nil || i.ContainersRunning+i.ContainersPaused == 0:
		return "box dockerd stops: no container is running"
	case bool(o.LiveRestore):
		return fmt.Sprintf("box dockerd stops: %d containers keep running (--live-restore)",
			i.ContainersRunning+i.ContainersPaused)
	case o.ShutdownTimeout < 0:
		return fmt.Sprintf("box dockerd stops: it stops %d containers and waits for them",
			i.ContainersRunning+i.ContainersPaused)
	}
	return fmt.Sprintf("box dockerd stops: it stops %d containers within %d s; the next daemon restarts those with a "+
		"restart policy",
		i.ContainersRunning+i.ContainersPaused, o.ShutdownTimeout)
}
