package runc

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// started is a running probe.
type started struct {
	out   io.ReadCloser
	in    io.Closer // its input, nil on a terminal
	pid   int
	close func() // waits for its end and removes the container
}

// look returns what the probe prints and what its control groups have, with lines in the same form for every runtime.
func (w *world) look(s started) []string {
	w.t.Helper()
	defer s.close()
	var list []string
	lines := bufio.NewScanner(s.out)
	lines.Buffer(nil, 1<<20)
	done := false
	for !done && lines.Scan() {
		line := strings.TrimRight(lines.Text(), "\r")
		if done = line == "end"; done {
			break
		}
		if line = w.plain(line); line != "" {
			list = append(list, line)
		}
	}
	if !done {
		w.t.Fatalf("the probe ended early: %v: %q", lines.Err(), list)
	}
	return append(list, w.groups(s.pid)...)
}

var namespace = regexp.MustCompile(`^namespace\t(\w+) (\w+:\[\d+\])$`)

// plain replaces what differs from container to container in a line.
func (w *world) plain(line string) string {
	kind, text, _ := strings.Cut(line, "\t")
	text = strings.NewReplacer(w.root, "ROOT", w.dir, "DIR", w.group, "GROUP", w.id, "ID").Replace(text)
	switch kind {
	case "cgroup":
		if strings.Contains(text, ":name=box:") { // belongs to a keeper that happens to run
			return ""
		}
	case "namespace":
		if m := namespace.FindStringSubmatch(line); m != nil {
			text = m[1] + " own"
			for name, link := range w.namespaces {
				if link == m[2] {
					text = m[1] + " " + name
				}
			}
		}
	case "status":
		name, value, _ := strings.Cut(text, ":")
		switch name {
		case "NSpid", "NSpgid", "NSsid":
			if value = strings.TrimSpace(value); value != "1" {
				value = "not 1"
			}
			text = name + ": " + value
		case "SigQ":
			_, limit, _ := strings.Cut(value, "/")
			text = name + ": " + limit
		}
	case "mount":
		f := strings.Fields(text)
		dash := slices.Index(f, "-")
		if dash < 6 || len(f) < dash+4 {
			w.t.Fatalf("mountinfo: %q", text)
		}
		tags := regexp.MustCompile(`:\d+`).ReplaceAllString(strings.Join(f[6:dash], ","), "")
		text = fmt.Sprintf("%s of %s: %s %s %s %s %s", f[4], f[3], f[5], tags, f[dash+1], f[dash+2], f[dash+3])
	}
	return kind + " " + text
}

// groupFiles are the files to read of control groups, of both versions.
var groupFiles = []string{
	"memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "memory.soft_limit_in_bytes", "memory.swappiness",
	"memory.oom_control",
	"cpu.shares", "cpu.cfs_quota_us", "cpu.cfs_period_us", "cpu.rt_runtime_us", "cpuset.cpus", "cpuset.mems", "pids.max",
	"devices.list", "freezer.state",
	"blkio.weight", "blkio.bfq.weight", "blkio.throttle.read_bps_device", "blkio.throttle.write_iops_device",
	"memory.max", "memory.swap.max", "memory.low", "memory.high", "memory.oom.group", "cpu.max", "cpu.weight", "io.max",
	"io.weight", "io.bfq.weight", "cgroup.freeze",
}

// groups reads the control groups of a process.
func (w *world) groups(pid int) (list []string) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		w.t.Fatal(err)
	}
	for line := range strings.Lines(string(raw)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		controller := strings.TrimPrefix(parts[1], "name=")
		if controller == "box" {
			continue
		}
		list = append(list, "in group "+controller+" "+strings.NewReplacer(w.group, "GROUP", w.id, "ID").Replace(parts[2]))
		for _, name := range groupFiles {
			text, err := os.ReadFile(filepath.Join("/sys/fs/cgroup", controller, parts[2], name))
			if err != nil || strings.Contains(parts[2], "..") || parts[2] == "/" {
				continue
			}
			for line := range strings.Lines(string(text)) {
				if !strings.HasPrefix(line, "oom_kill ") {
					list = append(list, "limit "+name+": "+strings.TrimSpace(line))
				}
			}
		}
	}
	return list
}
