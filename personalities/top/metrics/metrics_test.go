package metrics

import (
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"

	"box/engine/stats/sample"
)

// set is a measurement with every value there is.
func set() *sample.Set {
	at := time.Unix(1_700_000_000, 500e6)
	return &sample.Set{At: at,
		Host: sample.Host{Version: "1", Driver: "overlay2", Kernel: "6.1", CPUs: 4, Booted: at.Add(-time.Hour),
			Mode: sample.CPUModes{User: 3e9, System: 1e9, IOWait: 5e9, Idle: 7e9},
			Memory: sample.HostMemory{Total: 1000, Free: 100, Available: 600, Cached: 400, SwapTotal: 50, SwapFree: 20,
				OOMKills: 2},
			Pressure: &sample.Pressure{CPU: sample.Stall{Some: 2e6}},
			Devices:  []sample.Device{{Major: 8, Name: "sda", ReadBytes: 1, WrittenBytes: 2, Reads: 3, Writes: 4}},
			Files:    []sample.FileSystem{{Path: "/", Device: "/dev/sda1", Total: 100, Free: 40, Inodes: 10, FreeInodes: 4}},
			Network:  []sample.Interface{{Name: "eth0", RxBytes: 7}, {Name: "veth1", RxBytes: 8}},
			Heat:     []sample.Heat{{Name: "cpu", Celsius: 45.5}}, CertEnds: at.Add(time.Hour),
			Daemon: sample.Daemon{Memory: 9, Images: 2, ImageBytes: 500, Volumes: 1, Events: 6, Subscribers: 1, Checks: 3,
				ChecksFailed: 1, Timings: []sample.Timing{{Noun: "container", Action: "start", Count: 2, Seconds: .25,
					Within: []uint64{0, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2}}}},
		},
		Containers: []sample.Container{
			{ID: "abc", Name: "web", Image: `nginx:"1"`, State: "running", Health: "healthy", Started: at,
				Labels: map[string]string{"com.example.a-b": "x\ny\\", "com.example.a_b": "twice", "\xff": "\xff"},
				CPU: sample.CPU{Total: 1_500_000_000, User: 1e9, System: 5e8, Periods: 10, ThrottledPeriods: 1, Throttled: 2e9,
					Shares: 512, Quota: 50000, Period: 100000},
				Memory: sample.Memory{Usage: 10, WorkingSet: 8, RSS: 5, Cache: 3, Mapped: 2, Kernel: 1, Swap: 4, Max: 20,
					Limit: 100, SwapLimit: 200, Reserved: 50, Failures: 6, OOMKills: 1, Faults: 70, MajorFaults: 7},
				IO:      []sample.Device{{Major: 8, Name: "sda", ReadBytes: 11, WrittenBytes: 12, Reads: 13, Writes: 14}},
				Network: []sample.Interface{{Name: "eth0", RxBytes: 21, TxBytes: 22, RxDropped: 23, TxErrors: 24}},
				Pids:    sample.Pids{Current: 3, Limit: 64}, Disk: sample.Disk{Writable: 30, Log: 12, Device: "/dev/sda1"},
				Pressure: &sample.Pressure{IO: sample.Stall{Full: 1e6}}, Restarts: 5, RestartsHour: 2},
			{ID: "def", Name: "off", State: "exited", Exit: sample.Exit{Code: 3}, Disk: sample.Disk{Writable: -1}},
		}}
}

// written returns what Write writes.
func written(t *testing.T, hosts ...Host) string {
	t.Helper()
	var out strings.Builder
	if err := Write(&out, hosts...); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

const web = `id="/docker/abc",image="nginx:\"1\"",name="web",` +
	`container_label_com_example_a_b="x\ny\\",container_label__="�"`

// TestLines: the names and labels of cAdvisor and of Docker's daemon, as dashboards ask for them.
func TestLines(t *testing.T) {
	out := written(t, Host{Set: set()})
	lines := map[string]bool{}
	for line := range strings.Lines(out) {
		lines[strings.TrimSuffix(line, "\n")] = true
	}
	for _, want := range []string{
		"# TYPE container_cpu_usage_seconds_total counter",
		"container_cpu_usage_seconds_total{" + web + `,cpu="total"} 1.5`,
		`container_cpu_usage_seconds_total{id="/",cpu="total"} 4`,
		"container_cpu_user_seconds_total{" + web + "} 1", "container_cpu_system_seconds_total{" + web + "} 0.5",
		"container_cpu_cfs_periods_total{" + web + "} 10", "container_cpu_cfs_throttled_periods_total{" + web + "} 1",
		"container_cpu_cfs_throttled_seconds_total{" + web + "} 2",
		"container_memory_usage_bytes{" + web + "} 10", `container_memory_usage_bytes{id="/"} 900`,
		"container_memory_working_set_bytes{" + web + "} 8", `container_memory_working_set_bytes{id="/"} 400`,
		"container_memory_rss{" + web + "} 5", "container_memory_cache{" + web + "} 3",
		"container_memory_swap{" + web + "} 4", "container_memory_mapped_file{" + web + "} 2",
		"container_memory_max_usage_bytes{" + web + "} 20", "container_memory_failcnt{" + web + "} 6",
		"container_memory_failures_total{" + web + `,failure_type="pgmajfault",scope="hierarchy"} 7`,
		"container_oom_events_total{" + web + "} 1", `container_oom_events_total{id="/"} 2`,
		"container_network_receive_bytes_total{" + web + `,interface="eth0"} 21`,
		`container_network_receive_bytes_total{id="/",interface="eth0"} 7`,
		"container_network_transmit_bytes_total{" + web + `,interface="eth0"} 22`,
		"container_network_receive_packets_dropped_total{" + web + `,interface="eth0"} 23`,
		"container_network_transmit_errors_total{" + web + `,interface="eth0"} 24`,
		"container_fs_reads_bytes_total{" + web + `,device="/dev/sda"} 11`,
		"container_fs_writes_bytes_total{" + web + `,device="/dev/sda"} 12`,
		"container_fs_usage_bytes{" + web + `,device="/dev/sda1"} 42`,
		`container_fs_usage_bytes{id="/",device="/dev/sda1"} 60`, `container_fs_limit_bytes{id="/",device="/dev/sda1"} 100`,
		`container_fs_inodes_free{id="/",device="/dev/sda1"} 4`,
		"container_spec_cpu_quota{" + web + "} 50000", "container_spec_cpu_shares{" + web + "} 512",
		"container_spec_memory_limit_bytes{" + web + "} 100",
		"container_spec_memory_swap_limit_bytes{" + web + "} 200",
		"container_spec_memory_reservation_limit_bytes{" + web + "} 50",
		"container_start_time_seconds{" + web + "} 1700000000.5", "container_last_seen{" + web + "} 1700000000.5",
		`container_last_seen{id="/"} 1700000000.5`, "container_threads_max{" + web + "} 64",
		"container_pressure_io_stalled_seconds_total{" + web + "} 1",
		`container_pressure_cpu_waiting_seconds_total{id="/"} 2`,
		"machine_cpu_cores 4", "machine_memory_bytes 1000", "machine_swap_bytes 50",
		"box_container_restarts_total{" + web + "} 5", "box_container_restarts_last_hour{" + web + "} 2",
		"box_container_healthy{" + web + "} 1", "box_container_state{" + web + `,state="running"} 1`,
		"box_container_state{" + web + `,state="exited"} 0`, "box_container_log_bytes{" + web + "} 12",
		`box_container_exit_code{id="/docker/def",image="",name="off"} 3`,
		"box_certificate_expiry_timestamp_seconds 1700003600.5", "box_image_bytes 500",
		`box_temperature_celsius{sensor="0",kind="cpu"} 45.5`, "box_pull_seconds_count 0",
		`engine_daemon_container_actions_seconds_bucket{action="start",le="0.01"} 1`,
		`engine_daemon_container_actions_seconds_bucket{action="start",le="+Inf"} 2`,
		`engine_daemon_container_actions_seconds_sum{action="start"} 0.25`,
		`engine_daemon_container_actions_seconds_count{action="create"} 0`,
		`engine_daemon_container_states_containers{state="stopped"} 1`,
		`engine_daemon_container_states_containers{state="running"} 1`,
		"engine_daemon_engine_cpus_cpus 4", "engine_daemon_engine_memory_bytes 1000", "engine_daemon_events_total 6",
		"engine_daemon_events_subscribers_total 1", "engine_daemon_health_checks_total 3",
		"engine_daemon_health_checks_failed_total 1",
		`engine_daemon_engine_info{graphdriver="overlay2",kernel="6.1",version="1"} 1`,
	} {
		if !lines[want] {
			t.Errorf("missing: %s", want)
		}
	}
	for line := range lines {
		if strings.Contains(line, "veth") || strings.Contains(line, `name="off"`) && strings.Contains(line, "usage") {
			t.Errorf("%s", line)
		}
	}
}

// TestSeveralHosts: each has its label, a dead one is left out, and each family is begun once.
func TestSeveralHosts(t *testing.T) {
	out := written(t, Host{"a", set()}, Host{Name: "dead"}, Host{"b", set()})
	for _, want := range []string{`machine_cpu_cores{host="a"} 4`, `machine_cpu_cores{host="b"} 4`,
		`container_spec_cpu_shares{host="b",` + web + "} 512"} {
		if !strings.Contains(out, "\n"+want+"\n") {
			t.Errorf("missing: %s", want)
		}
	}
	if strings.Contains(out, "dead") && strings.Contains(out, `host="dead"`) {
		t.Error("a dead host is told")
	}
	begun := map[string]int{}
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "# TYPE ") {
			begun[line]++
		}
	}
	for line, n := range begun {
		if n != 1 {
			t.Errorf("%d times: %s", n, line)
		}
	}
	if out := written(t); !strings.Contains(out, "# TYPE machine_cpu_cores") {
		t.Error("nothing is told where there is no host")
	}
}

// TestPromtool: Prometheus's own check has nothing to say.
func TestPromtool(t *testing.T) {
	if _, err := exec.LookPath("promtool"); err != nil {
		t.Skip("promtool is not installed")
	}
	for _, text := range []string{written(t, Host{Set: set()}), written(t, Host{"a", set()}, Host{"b", set()})} {
		check := exec.Command("promtool", "check", "metrics")
		check.Stdin = strings.NewReader(text)
		if out, err := check.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%v: %s", err, out)
		}
	}
}

// TestWriteFails: an error of the reader's is returned.
func TestWriteFails(t *testing.T) {
	if err := Write(broken{}, Host{Set: set()}); !errors.Is(err, errBroken) {
		t.Error(err)
	}
}

var errBroken = errors.New("broken")

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errBroken }
