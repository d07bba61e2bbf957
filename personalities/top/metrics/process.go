package metrics

import (
	"bufio"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// WriteProcess writes what this process takes, with the names that every program of Prometheus's own library has.
func WriteProcess(w io.Writer) error {
	out := &writer{Writer: bufio.NewWriter(w)}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	stat := processStat()
	var files unix.Rlimit
	_ = unix.Getrlimit(unix.RLIMIT_NOFILE, &files) // 0 where it is not told
	open, _ := os.ReadDir("/proc/self/fd")
	const tick = 100 // USER_HZ
	for _, row := range []struct {
		name, kind, help string
		value            float64
	}{
		{"process_cpu_seconds_total", counter, "Processor time of the daemon.", (stat(14) + stat(15)) / tick},
		{"process_open_fds", gauge, "Open file descriptors.", float64(len(open))},
		{"process_max_fds", gauge, "Limit of file descriptors.", float64(files.Cur)},
		{"process_virtual_memory_bytes", gauge, "Virtual memory.", stat(23)},
		{"process_resident_memory_bytes", gauge, "Resident memory.", stat(24) * float64(os.Getpagesize())},
		{"process_start_time_seconds", gauge, "When the daemon was started.", bootTime() + stat(22)/tick},
		{"go_goroutines", gauge, "Goroutines.", float64(runtime.NumGoroutine())},
		{"go_threads", gauge, "Threads.", stat(20)},
		{"go_memstats_alloc_bytes", gauge, "Heap in use.", float64(m.Alloc)},
		{"go_memstats_alloc_bytes_total", counter, "Heap ever allocated.", float64(m.TotalAlloc)},
		{"go_memstats_sys_bytes", gauge, "Memory from the system.", float64(m.Sys)},
		{"go_memstats_mallocs_total", counter, "Objects allocated.", float64(m.Mallocs)},
		{"go_memstats_frees_total", counter, "Objects freed.", float64(m.Frees)},
		{"go_memstats_heap_inuse_bytes", gauge, "Spans in use.", float64(m.HeapInuse)},
		{"go_memstats_heap_idle_bytes", gauge, "Spans that are idle.", float64(m.HeapIdle)},
		{"go_memstats_heap_objects", gauge, "Objects on the heap.", float64(m.HeapObjects)},
	} {
		out.begin(&family{name: row.name, kind: row.kind, help: row.help})
		out.put(row.value)
	}
	out.begin(&family{name: "go_info", kind: gauge, help: "The version of Go."})
	out.put(1, "version", runtime.Version())
	return out.Flush()
}

// processStat returns the fields of proc_pid_stat(5) by their numbers.
func processStat() func(field int) float64 {
	raw, _ := os.ReadFile("/proc/self/stat") // without it everything is 0
	words := strings.Fields(string(raw[strings.LastIndexByte(string(raw), ')')+1:]))
	return func(field int) float64 {
		const first = 3 // the field after the name
		if field-first >= len(words) {
			return 0
		}
		n, _ := strconv.ParseFloat(words[field-first], 64)
		return n
	}
}

// bootTime returns when the kernel was started, in seconds since 1970.
func bootTime() float64 {
	raw, _ := os.ReadFile("/proc/stat")
	for line := range strings.Lines(string(raw)) {
		if rest, ok := strings.CutPrefix(line, "btime "); ok {
			n, _ := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			return n
		}
	}
	return 0
}
