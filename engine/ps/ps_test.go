package ps

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// proc is a machine of two processes: 10 with two threads on a terminal, 12 a zombie of another user with an odd name.
func proc(t testing.TB) Source {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	stat := func(pid, rest string) string { return pid + rest + strings.Repeat(" 0", 60) + "\n" }
	// 3 state ppid pgrp session tty tpgid flags minflt cminflt majflt cmajflt utime stime cutime cstime priority nice
	// threads itreal start vsize rss
	sh := " (sh) S 1 10 10 34817 10 4194560 100 0 2 0 150 50 0 0 20 0 2 0 100000 2322432 340"
	write("uptime", "2000.00 3000.00\n")
	write("10/stat", stat("10", sh))
	write("10/status", "Name:\tsh\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nVmLck:\t       0 kB\nSigIgn:\t0000000000000004\n")
	write("10/cmdline", "sh\x00-c\x00a  b\x1b\x00")
	write("10/wchan", "do_wait_for_something")
	write("10/task/10/stat", stat("10", sh))
	write("10/task/11/stat", stat("11", sh))
	write("12/stat", stat("12", " (a) b (c) Z 10 10 10 0 -1 64 0 0 0 0 0 0 0 0 25 5 1 0 199000 0 0"))
	write("12/status", "Uid:\t1000\t1000\t1000\t1000\nGid:\t1000\t1000\t1000\t1000\n")
	write("12/cmdline", "")
	return Source{
		Proc: dir, Now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.Local), Memory: 1 << 30, Pages: 4096,
		User:  func(id uint32) string { return map[uint32]string{0: "root", 1000: "somebody-long"}[id] },
		Group: func(id uint32) string { return map[uint32]string{0: "root"}[id] },
	}
}

func TestList(t *testing.T) {
	s := proc(t)
	for _, row := range []struct{ args, want string }{
		{"", "UID|PID|PPID|C|STIME|TTY|TIME|CMD\nroot|10|1|0|11:43|pts/1|00:00:02|sh -c a  " +
			"b?\nsomebod+|12|10|0|11:59|?|00:00:00|[a) b (c] <defunct>"},
		{"aux", "USER|PID|%CPU|%MEM|VSZ|RSS|TTY|STAT|START|TIME|COMMAND\nroot|10|0.2|0.1|2268|1360|pts/1|Ssl+|11:43|0:02|sh -c a  b?\nsomebod+|12|0.0|0.0|0|0|?|ZN|11:59|0:00|[a) b (c] <defunct>"},
		{"-aux", "USER|PID|%CPU|%MEM|VSZ|RSS|TTY|STAT|START|TIME|COMMAND\nroot|10|0.2|0.1|2268|1360|pts/1|Ssl+|11:43|0:02|sh -c a  b?\nsomebod+|12|0.0|0.0|0|0|?|ZN|11:59|0:00|[a) b (c] <defunct>"},
		{"-o pid,comm", "PID|COMMAND\n10|sh\n12|a) b (c <defunct>"},
		{"-eo pid -o user:20,group", "PID|USER|GROUP\n10|root|root\n12|somebody-long|1000"},
		{"axo pid,nice,pri,stat --sort=-pid", "PID|NI|PRI|STAT\n12|5|14|ZN\n10|0|19|Ssl+"},
		{"x", "PID|TTY|STAT|TIME|COMMAND\n10|pts/1|Ssl+|0:02|sh -c a  b?\n12|?|ZN|0:00|[a) b (c] <defunct>"},
		{"-q 10", "PID|TTY|TIME|CMD\n10|pts/1|00:00:02|sh\n12|?|00:00:00|a) b (c <defunct>"},
		{"-l", "F|S|UID|PID|PPID|C|PRI|NI|ADDR|SZ|WCHAN|TTY|TIME|CMD\n4|S|0|10|1|0|80|0|-|567|do_wai|pts/1|00:00:02|sh\n1|Z|1000|12|10|0|85|5|-|0|-|?|00:00:00|a) b (c <defunct>"},
		{"-efL", "UID|PID|PPID|LWP|C|NLWP|STIME|TTY|TIME|CMD\n|10|1|10|0|2|11:43|pts/1|00:00:02|[sh]\n|10|1|11|0|2|11:43|pts/1|00:00:02|[sh]"},
		{"-o pid,wchan:12,etime,etimes,lstart,ignored",
			"PID|WCHAN|ELAPSED|ELAPSED|STARTED|IGNORED\n10|do_wait_for_|16:40|1000|Sun Mar  1 11:43:20 " +
				"2026|0000000000000004\n12|-|00:10|10|Sun Mar  1 11:59:50 2026|-"},
		{"-o pid=PID -o ppid=PARENT", "PID|PARENT\n10|1\n12|10"},
	} {
		got, err := List(s, row.args, []int{12, 10, 99})
		if err != nil {
			t.Errorf("%s: %v", row.args, err)
			continue
		}
		lines := []string{strings.Join(got.Titles, "|")}
		for _, r := range got.Rows {
			lines = append(lines, strings.Join(r, "|"))
		}
		want := strings.ReplaceAll(row.want, "\n|", "\nroot|") // threads have no file of users here
		if text := strings.Join(lines, "\n"); text != want && text != row.want {
			t.Errorf("%s:\n%s\nwant\n%s", row.args, text, row.want)
		}
	}
}

func TestRefused(t *testing.T) {
	for args, want := range map[string]string{
		"-o comm":     "Couldn't find PID field in ps output",
		"-o pid=X":    "Couldn't find PID field in ps output",
		"-o ppid=PID": `specifying "ppid=PID" is not allowed`,
		"-o nosuch":   `ps: error: unknown user-defined format specifier "nosuch"`,
		"-q":          "ps: error: List of process IDs must follow -q.",
		"-o":          "ps: error: format specification must follow -o",
		"--what":      "ps: error: unknown gnu long option",
		"-@":          "ps: error: unsupported SysV option",
		"--sort=x":    "ps: error: unknown sort specifier",
		"-o pid:x":    "ps: error: column widths must be unsigned decimal numbers",
	} {
		if _, err := List(proc(t), args, []int{10}); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", args, err, want)
		}
	}
}

func TestTerminals(t *testing.T) {
	for n, want := range map[int]string{0: "?", 34816: "pts/0", 136<<8 | 5: "pts/5", 4<<8 | 1: "tty1", 4<<8 | 64: "ttyS0",
		5<<8 | 1: "console", 1 << 8: "?"} {
		if got := terminal(&process{tty: n}); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

func FuzzOptions(f *testing.F) {
	for _, s := range []string{"-ef", "aux", "-o pid=PID,comm", "--sort=-pid,%cpu k pid", "-eo pid:5,user", "-q 1 -L"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, args string) {
		got, err := parse(args)
		if err == nil && (len(got.columns) == 0 ||
			slices.ContainsFunc(got.columns, func(c column) bool { return c.show == nil })) {
			t.Errorf("%q: no columns", args)
		}
	})
}

func FuzzStat(f *testing.F) {
	f.Add("1 (a) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 " +
		"37 38 39 40 41")
	f.Fuzz(func(t *testing.T, line string) {
		h := &host{Source: proc(t)}
		p := &process{}
		if p.parseStat(h, line) {
			for _, c := range columns() {
				c.show(h, p, 0)
			}
		}
	})
}
