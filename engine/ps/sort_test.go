package ps

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// machine is a machine of processes by their numbers, each with name, niceness and pages; what else is in the text goes
// behind the name as it is.
func machine(t *testing.T, stats map[int]string) (s Source, pids []int) {
	t.Helper()
	s = proc(t)
	for pid, stat := range stats {
		dir := filepath.Join(s.Proc, fmt.Sprint(pid))
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "stat"), []byte(stat), 0o600); err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	return s, pids
}

// statLine is a line of proc_pid_stat(5).
func statLine(pid int, name string, nice, rss int) string {
	return fmt.Sprintf("%d (%s) S 1 1 1 0 -1 64 0 0 0 0 0 0 0 0 20 %d 1 0 1000 4096 %d", pid, name, nice, rss) +
		strings.Repeat(" 0", 30)
}

// TestSort: keys are compared as numbers where they are some, the first that differs decides, and pids do in the end.
func TestSort(t *testing.T) {
	s, pids := machine(t, map[int]string{
		21: statLine(21, "b", 5, 100), 22: statLine(22, "a", -5, 20), 23: statLine(23, "nan", 5, 3),
		100: statLine(100, "a", 10, 20),
	})
	for args, want := range map[string]string{
		"-o pid": "21 22 23 100", "-o pid --sort=-pid": "100 23 22 21", "-o pid --sort pid": "21 22 23 100",
		"-o pid --sort=rss": "23 22 100 21", "-o pid --sort=-rss": "21 22 100 23", "-o pid --sort=+comm,-pid": "100 22 21 23",
		"-o pid --sort=nice": "22 21 23 100", "-o pid --sort=-nice,rss": "100 23 21 22", "o pid k -comm": "23 21 22 100",
	} {
		got, err := List(s, args, pids)
		if err != nil {
			t.Errorf("%s: %v", args, err)
			continue
		}
		var order []string
		for _, row := range got.Rows {
			order = append(order, row[0])
		}
		if text := strings.Join(order, " "); text != want {
			t.Errorf("%s: %s, want %s", args, text, want)
		}
	}
}

// TestHostileProcesses: a process may be called anything, and its files may be cut anywhere while it ends: it is listed
// under its own number, or not at all, and the others are.
func TestHostileProcesses(t *testing.T) {
	whole := statLine(32, "x", 0, 1)
	s, pids := machine(t, map[int]string{
		30: statLine(30, "good", 0, 1), 31: statLine(31, "31 (evil) Z 666 1", 0, 1), 32: "", 33: "33", 34: "34 (",
		35: "35 (x", 36: "36 (x)",
		37: "37 (x) S", 38: whole[:len(whole)/3],
		39: "39 (x) S 1 1 1 0 -1 64 a b c d e f g h i j k l m n o p q r s t",
		40: statLine(40, "", 0, 1),
		41: statLine(41, "new\nline\x1b[2J", 0, 1), 42: strings.Repeat("(", 5000), 43: ")))",
		44: statLine(44, "huge", 0, 1<<62),
	})
	for _, args := range []string{"", "aux", "-o pid,ppid,comm,args,rss,%mem", "-l", "-efL", "-o pid --sort=-rss,comm"} {
		got, err := List(s, args, pids)
		if err != nil {
			t.Errorf("%s: %v", args, err)
			continue
		}
		seen := map[string]bool{}
		for _, row := range got.Rows {
			if len(row) != len(got.Titles) {
				t.Errorf("%s: %d cells under %d titles", args, len(row), len(got.Titles))
			}
			for i, title := range got.Titles {
				if title == "PID" {
					seen[row[i]] = true
				}
				if title == "PPID" && row[i] == "666" {
					t.Errorf("%s: a name is taken for fields: %q", args, row)
				}
				if strings.ContainsAny(row[i], "\n\x1b") {
					t.Errorf("%s: %q is a cell", args, row[i])
				}
			}
		}
		if args != "-efL" && (!seen["30"] || !seen["31"] || !seen["44"] || seen["32"] || seen["42"] || seen["666"]) {
			t.Errorf("%s: listed are %v", args, seen)
		}
	}
}

// TestNoMachine: a /proc that is none is an error that says so.
func TestNoMachine(t *testing.T) {
	for text, want := range map[string]string{"": "uptime", "soon": "uptime", "-": "uptime"} {
		s := Source{Proc: t.TempDir(), Now: time.Now()}
		if err := os.WriteFile(filepath.Join(s.Proc, "uptime"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := List(s, "", nil); err == nil || !strings.Contains(err.Error(), "list processes: "+want) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := List(Source{Proc: t.TempDir()}, "", nil); err == nil {
		t.Error("a /proc without files lists processes")
	}
}
