package ps

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ticks is the unit of times in /proc, per second (USER_HZ).
const ticks = 100

// host is the information about the machine that columns need.
type host struct {
	Source
	booted time.Time
}

func (s Source) host() (*host, error) {
	raw, err := os.ReadFile(filepath.Join(s.Proc, "uptime"))
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	up, _, _ := strings.Cut(string(raw), " ")
	seconds, err := strconv.ParseFloat(up, 64)
	if err != nil {
		return nil, fmt.Errorf("list processes: uptime: %w", err)
	}
	return &host{Source: s, booted: s.Now.Add(-time.Duration(seconds * float64(time.Second)))}, nil
}

// process is a process or one of its threads.
type process struct {
	pid, tid        int
	comm, args      string
	state           string
	ppid, pgrp, sid int
	tty, tpgid      int
	flags           uint64
	minflt, majflt  uint64
	time            time.Duration // on processors
	priority, nice  int
	threads         int
	started         time.Time
	vsize           uint64 // bytes
	rss             uint64 // bytes
	code            uint64 // bytes
	processor       int
	rtprio, policy  int
	uids, gids      [4]uint32 // real, effective, saved, of the file system
	signals         map[string]string
	locked          bool
	wchan, cgroup   string
}

// read reads a process, or each of its threads. It returns nothing if the process does not exist any more.
func (h *host) read(pid int, threads bool) []*process {
	dir := filepath.Join(h.Proc, strconv.Itoa(pid))
	if !threads {
		if p := h.one(dir, pid, pid); p != nil {
			return []*process{p}
		}
		return nil
	}
	entries, err := os.ReadDir(filepath.Join(dir, "task"))
	if err != nil {
		return nil
	}
	var all []*process
	for _, e := range entries {
		tid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if p := h.one(filepath.Join(dir, "task", e.Name()), pid, tid); p != nil {
			all = append(all, p)
		}
	}
	slices.SortFunc(all, func(a, b *process) int { return cmp.Compare(a.tid, b.tid) })
	return all
}

// one reads the files of a process or thread (proc_pid_stat(5), proc_pid_status(5)).
func (h *host) one(dir string, pid, tid int) *process {
	raw, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return nil
	}
	p := &process{pid: pid, tid: tid}
	if !p.parseStat(h, string(raw)) {
		return nil
	}
	if raw, err = os.ReadFile(filepath.Join(dir, "status")); err == nil {
		p.parseStatus(string(raw))
	}
	raw, _ = os.ReadFile(filepath.Join(dir, "cmdline")) // none of a zombie and of the kernel's own
	p.args = commandLine(raw, p)
	raw, _ = os.ReadFile(filepath.Join(dir, "wchan")) // may be hidden
	p.wchan = strings.TrimSpace(string(raw))
	raw, _ = os.ReadFile(filepath.Join(dir, "cgroup"))
	groups := strings.Fields(string(raw))
	p.cgroup = strings.Join(slices.DeleteFunc(groups, func(g string) bool { return strings.HasSuffix(g, ":/") }), ",")
	return p
}

// parseStat parses a line of stat. The name in it may contain anything, brackets included.
func (p *process) parseStat(h *host, line string) bool {
	begin, end := strings.IndexByte(line, '('), strings.LastIndexByte(line, ')')
	if begin < 0 || end < begin {
		return false
	}
	p.comm = printable(line[begin+1 : end])
	w := strings.Fields(line[end+1:])
	if len(w) < 39 {
		return false
	}
	// w[0] is field 3 of the manual.
	field := func(n int) int64 { v, _ := strconv.ParseInt(w[n-3], 10, 64); return v }
	large := func(n int) uint64 { v, _ := strconv.ParseUint(w[n-3], 10, 64); return v }
	p.state = w[0]
	p.ppid, p.pgrp, p.sid, p.tty, p.tpgid = int(field(4)), int(field(5)), int(field(6)), int(field(7)), int(field(8))
	p.flags, p.minflt, p.majflt = large(9), large(10), large(12)
	p.time = time.Duration(large(14)+large(15)) * (time.Second / ticks)
	p.priority, p.nice, p.threads = int(field(18)), int(field(19)), int(field(20))
	p.started = h.booted.Add(time.Duration(large(22)) * (time.Second / ticks))
	p.vsize, p.rss = large(23), large(24)*uint64(h.Pages)
	if begin, end := large(26), large(27); end > begin {
		p.code = end - begin
	}
	p.processor, p.rtprio, p.policy = int(field(39)), int(field(40)), int(field(41))
	return true
}

func (p *process) parseStatus(text string) {
	p.signals = map[string]string{}
	for line := range strings.Lines(text) {
		key, v, _ := strings.Cut(line, ":")
		v = strings.TrimSpace(v)
		switch key {
		case "Uid":
			p.uids = fourIDs(v)
		case "Gid":
			p.gids = fourIDs(v)
		case "VmRSS": // nearer to the truth than that of stat
			if n, err := strconv.ParseUint(strings.TrimSuffix(v, " kB"), 10, 64); err == nil {
				p.rss = n * 1024
			}
		case "VmLck":
			p.locked = v != "" && !strings.HasPrefix(v, "0 ")
		case "SigPnd", "SigBlk", "SigIgn", "SigCgt":
			p.signals[key] = v
		}
	}
}

func fourIDs(s string) (ids [4]uint32) {
	for i, w := range strings.Fields(s) {
		if i < len(ids) {
			n, _ := strconv.ParseUint(w, 10, 32)
			ids[i] = uint32(n)
		}
	}
	return ids
}

// commandLine returns the command line of a process, or its name if that is not known.
func commandLine(raw []byte, p *process) string {
	raw = bytes.TrimRight(raw, "\x00")
	if len(raw) == 0 {
		if p.state == "Z" {
			return "[" + p.comm + "] <defunct>"
		}
		return "[" + p.comm + "]"
	}
	return strings.TrimSpace(printable(strings.ReplaceAll(string(raw), "\x00", " ")))
}

// printable replaces control characters by "?".
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\uFFFD' {
			return '?'
		}
		return r
	}, s)
}
