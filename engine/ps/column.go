package ps

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// column is a column: its title and its value. width is what the user wants, or 0.
type column struct {
	title string
	width int
	show  func(h *host, p *process, width int) string
}

func text(f func(p *process) string) func(*host, *process, int) string {
	return func(_ *host, p *process, _ int) string { return f(p) }
}

func integer(f func(p *process) int) func(*host, *process, int) string {
	return func(_ *host, p *process, _ int) string { return strconv.Itoa(f(p)) }
}

func kilobytes(f func(p *process) uint64) func(*host, *process, int) string {
	return func(_ *host, p *process, _ int) string { return strconv.FormatUint(f(p)/1024, 10) }
}

// user returns the name of a user, shortened as in ps, or the number if there is no name.
func user(f func(p *process) uint32) func(*host, *process, int) string {
	return func(h *host, p *process, width int) string { return named(h.User(f(p)), f(p), width) }
}

func group(f func(p *process) uint32) func(*host, *process, int) string {
	return func(h *host, p *process, width int) string { return named(h.Group(f(p)), f(p), width) }
}

func named(name string, id uint32, width int) string {
	if width == 0 {
		width = 8
	}
	switch {
	case name == "":
		return strconv.FormatUint(uint64(id), 10)
	case len(name) > width:
		return name[:width-1] + "+"
	}
	return name
}

// columns returns all columns by name.
func columns() map[string]column {
	all := map[string]column{
		"pid":      {"PID", 0, integer(func(p *process) int { return p.pid })},
		"ppid":     {"PPID", 0, integer(func(p *process) int { return p.ppid })},
		"lwp":      {"LWP", 0, integer(func(p *process) int { return p.tid })},
		"nlwp":     {"NLWP", 0, integer(func(p *process) int { return p.threads })},
		"pgid":     {"PGID", 0, integer(func(p *process) int { return p.pgrp })},
		"sid":      {"SID", 0, integer(func(p *process) int { return p.sid })},
		"tpgid":    {"TPGID", 0, integer(func(p *process) int { return p.tpgid })},
		"pri":      {"PRI", 0, integer(func(p *process) int { return 39 - p.priority })},
		"priority": {"PRI", 0, integer(func(p *process) int { return p.priority })},
		"opri":     {"PRI", 0, integer(func(p *process) int { return 60 + p.priority })},
		"ni":       {"NI", 0, text(niceness)},
		"cls":      {"CLS", 0, text(scheduling)},
		"rtprio":   {"RTPRIO", 0, text(realtime)},
		"psr":      {"PSR", 0, integer(func(p *process) int { return p.processor })},
		"uid":      {"UID", 0, integer(func(p *process) int { return int(p.uids[1]) })},
		"ruid":     {"RUID", 0, integer(func(p *process) int { return int(p.uids[0]) })},
		"suid":     {"SUID", 0, integer(func(p *process) int { return int(p.uids[2]) })},
		"fuid":     {"FUID", 0, integer(func(p *process) int { return int(p.uids[3]) })},
		"gid":      {"GID", 0, integer(func(p *process) int { return int(p.gids[1]) })},
		"rgid":     {"RGID", 0, integer(func(p *process) int { return int(p.gids[0]) })},
		"sgid":     {"SGID", 0, integer(func(p *process) int { return int(p.gids[2]) })},
		"fgid":     {"FGID", 0, integer(func(p *process) int { return int(p.gids[3]) })},
		"user":     {"USER", 0, user(func(p *process) uint32 { return p.uids[1] })},
		"ruser":    {"RUSER", 0, user(func(p *process) uint32 { return p.uids[0] })},
		"suser":    {"SUSER", 0, user(func(p *process) uint32 { return p.uids[2] })},
		"group":    {"GROUP", 0, group(func(p *process) uint32 { return p.gids[1] })},
		"rgroup":   {"RGROUP", 0, group(func(p *process) uint32 { return p.gids[0] })},
		"comm":     {"COMMAND", 0, text(name)},
		"args":     {"COMMAND", 0, text(func(p *process) string { return p.args })},
		"s":        {"S", 0, text(func(p *process) string { return p.state })},
		"stat":     {"STAT", 0, text(stat)},
		"tt":       {"TT", 0, text(terminal)},
		"time":     {"TIME", 0, text(func(p *process) string { return daysClock(p.time, true) })},
		"times":    {"TIME", 0, integer(func(p *process) int { return int(p.time.Seconds()) })},
		"bsdtime":  {"TIME", 0, text(func(p *process) string { return minutes(p.time) })},
		"etime":    {"ELAPSED", 0, elapsedText},
		"etimes": {"ELAPSED", 0, func(h *host, p *process,
			_ int) string {
			return strconv.Itoa(int(h.elapsed(p).Seconds()))
		}},
		"start":  {"STARTED", 0, started},
		"lstart": {"STARTED", 0, text(func(p *process) string { return p.started.Local().Format("Mon Jan _2 15:04:05 2006") })},
		"stime":  {"STIME", 0, shortStart},
		"pcpu": {"%CPU", 0, func(h *host, p *process,
			_ int) string {
			n := h.share(p)
			return fmt.Sprintf("%d.%d", n/10, n%10)
		}},
		"c":    {"C", 0, func(h *host, p *process, _ int) string { return strconv.Itoa(min(h.share(p)/10, 99)) }},
		"pmem": {"%MEM", 0, memoryShare},
		"vsz":  {"VSZ", 0, kilobytes(func(p *process) uint64 { return p.vsize })},
		"rss":  {"RSS", 0, kilobytes(func(p *process) uint64 { return p.rss })},
		"trs":  {"TRS", 0, kilobytes(func(p *process) uint64 { return p.code })},
		"drs":  {"DRS", 0, kilobytes(func(p *process) uint64 { return p.vsize - min(p.code, p.vsize) })},
		"sz": {"SZ", 0, func(h *host, p *process,
			_ int) string {
			return strconv.FormatUint(p.vsize/uint64(h.Pages), 10)
		}},
		"minflt": {"MINFLT", 0, integer(func(p *process) int { return int(p.minflt) })},
		"majflt": {"MAJFLT", 0, integer(func(p *process) int { return int(p.majflt) })},
		"f":      {"F", 0, text(func(p *process) string { return strconv.FormatUint(p.flags>>6&7, 8) })},
		"addr":   {"ADDR", 0, text(func(*process) string { return "-" })},
		"wchan":  {"WCHAN", 0, waiting},
		"cgroup": {"CGROUP", 0, text(func(p *process) string { return orDash(p.cgroup) })},
	}
	for _, sig := range [][2]string{{"pending", "SigPnd"}, {"blocked", "SigBlk"}, {"ignored", "SigIgn"},
		{"caught", "SigCgt"}} {
		all[sig[0]] = column{strings.ToUpper(sig[0]), 0, text(func(p *process) string { return orDash(p.signals[sig[1]]) })}
	}
	// Other names, some with a title of their own; "" is the same one.
	for _, a := range [][3]string{
		{"%cpu", "pcpu", ""}, {"%mem", "pmem", ""}, {"command", "args", ""}, {"cmd", "args", "CMD"}, {"ucmd", "comm", "CMD"},
		{"ucomm", "comm", ""},
		{"uname", "user", ""}, {"euser", "user", "EUSER"}, {"euid", "uid", "EUID"}, {"egid", "gid", "EGID"},
		{"egroup", "group", "EGROUP"},
		{"cputime", "time", ""}, {"cputimes", "times", ""}, {"nice", "ni", ""}, {"pgrp", "pgid", "PGRP"},
		{"sess", "sid", "SESS"}, {"session", "sid", "SESS"},
		{"tty", "tt", ""}, {"tname", "tt", "TTY"}, {"tid", "lwp", "TID"}, {"spid", "lwp", "SPID"},
		{"thcount", "nlwp", "THCNT"}, {"state", "s", ""},
		{"vsize", "vsz", ""}, {"rssize", "rss", ""}, {"rsz", "rss", "RSZ"}, {"class", "cls", ""}, {"flag", "f", ""},
		{"flags", "f", ""},
		{"start_time", "stime", "START"}, {"bsdstart", "stime", "START"}, {"sig", "pending", ""},
		{"min_flt", "minflt", "MINFL"}, {"maj_flt", "majflt", "MAJFL"},
		{"nwchan", "wchan", ""},
	} {
		c := all[a[1]]
		if a[2] != "" {
			c.title = a[2]
		}
		all[a[0]] = c
	}
	return all
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func name(p *process) string {
	if p.state == "Z" {
		return p.comm + " <defunct>"
	}
	return p.comm
}

func niceness(p *process) string {
	if p.policy == 1 || p.policy == 2 {
		return "-"
	}
	return strconv.Itoa(p.nice)
}

// scheduling returns the name of the scheduling policy (sched(7)).
func scheduling(p *process) string {
	names := []string{"TS", "FF", "RR", "B", "ISO", "IDL", "DLN"}
	if p.policy < 0 || p.policy >= len(names) {
		return "?"
	}
	return names[p.policy]
}

func realtime(p *process) string {
	if p.rtprio == 0 {
		return "-"
	}
	return strconv.Itoa(p.rtprio)
}

// stat returns the state with the characters that ps adds.
func stat(p *process) string {
	s := p.state
	for _, f := range []struct {
		on   bool
		sign string
	}{
		{p.nice < 0, "<"}, {p.nice > 0, "N"}, {p.locked, "L"}, {p.sid == p.pid, "s"}, {p.threads > 1, "l"},
		{p.tpgid == p.pgrp && p.tty != 0, "+"},
	} {
		if f.on {
			s += f.sign
		}
	}
	return s
}

// terminal returns the name of the controlling terminal (tty_nr of proc_pid_stat(5)).
func terminal(p *process) string {
	n := uint32(p.tty)
	major, minor := n>>8&0xfff, n&0xff|n>>12&0xfff00
	switch {
	case n == 0:
		return "?"
	case major >= 136 && major <= 143:
		return "pts/" + strconv.Itoa(int(minor+(major-136)*256))
	case major == 4 && minor < 64:
		return "tty" + strconv.Itoa(int(minor))
	case major == 4:
		return "ttyS" + strconv.Itoa(int(minor-64))
	case major == 5 && minor == 1:
		return "console"
	}
	return "?"
}

// daysClock formats as [DD-]HH:MM:SS, or if full is not set as [[DD-]HH:]MM:SS.
func daysClock(d time.Duration, full bool) string {
	s := int(d / time.Second)
	text := fmt.Sprintf("%02d:%02d", s/60%60, s%60)
	if full || s >= 3600 {
		text = fmt.Sprintf("%02d:", s/3600%24) + text
	}
	if s >= 24*3600 {
		text = fmt.Sprintf("%d-", s/(24*3600)) + text
	}
	return text
}

func minutes(d time.Duration) string {
	s := int(d / time.Second)
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

func (h *host) elapsed(p *process) time.Duration { return max(h.Now.Sub(p.started), 0) }

func elapsedText(h *host, p *process, _ int) string { return daysClock(h.elapsed(p), false) }

// share returns the CPU time relative to the lifetime, in thousandths.
func (h *host) share(p *process) int {
	lived := h.elapsed(p)
	if lived < time.Second {
		return 0
	}
	return min(int(p.time*1000/lived), 9999)
}

func memoryShare(h *host, p *process, _ int) string {
	if h.Memory == 0 {
		return "0.0"
	}
	n := min(p.rss*1000/h.Memory, 999)
	return fmt.Sprintf("%d.%d", n/10, n%10)
}

// started returns the time within the last day, else the date.
func started(h *host, p *process, _ int) string {
	if h.elapsed(p) < 24*time.Hour {
		return p.started.Local().Format("15:04:05")
	}
	return p.started.Local().Format("  Jan 02")
}

// shortStart returns the time today, the date this year, or the year.
func shortStart(h *host, p *process, _ int) string {
	at, now := p.started.Local(), h.Now.Local()
	switch {
	case at.Year() != now.Year():
		return at.Format("2006")
	case at.YearDay() != now.YearDay():
		return at.Format("Jan02")
	}
	return at.Format("15:04")
}

// waiting returns the kernel function in which the process sleeps.
func waiting(_ *host, p *process, width int) string {
	if width == 0 {
		width = 6
	}
	if slices.Contains([]string{"", "0"}, p.wchan) {
		return "-"
	}
	return p.wchan[:min(len(p.wchan), width)]
}
