package group

import (
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"box/engine/stats/sample"
)

// tree writes files into a new folder and returns it.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		write(t, filepath.Join(dir, name), text)
	}
	return dir
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

var v1Files = map[string]string{
	"a/cpuacct.usage": "12345\n",
	"a/cpuacct.stat":  "user 7\nsystem 3\n",
	"a/cpu.stat":      "nr_periods 5\nnr_throttled 2\nthrottled_time 99\nnr_bursts 0\n",
	"a/cpu.shares":    "512\n", "a/cpu.cfs_period_us": "100000\n", "a/cpu.cfs_quota_us": "50000\n",
	"m/memory.usage_in_bytes": "100\n", "m/memory.max_usage_in_bytes": "400\n", "m/memory.failcnt": "4\n",
	"m/memory.stat": "cache 1\nrss 2\ntotal_cache 60\ntotal_rss 30\ntotal_mapped_file 9\ntotal_swap 8\n" +
		"total_pgfault 70\ntotal_pgmajfault 6\ntotal_inactive_file 25\n",
	"m/memory.kmem.usage_in_bytes": "10\n",
	"m/memory.oom_control":         "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n",
	"m/memory.limit_in_bytes":      "1000\n", "m/memory.memsw.limit_in_bytes": "9223372036854771712\n",
	"m/memory.soft_limit_in_bytes": "500\n",
	"p/pids.current":               "2\n", "p/pids.max": "max\n",
	"b/blkio.throttle.io_service_bytes_recursive": "8:0 Read 4096\n8:0 Write 8192\n8:0 Total 12288\n7:1 Read 1\n" +
		"Total 12289\n",
	"b/blkio.throttle.io_serviced_recursive": "8:0 Read 3\n8:0 Write 1\nTotal 4\n",
	"b/blkio.bfq.io_service_bytes_recursive": "8:0 Read 999\n",
}

func v1(t *testing.T) (*Group, string) {
	dir := tree(t, v1Files)
	at := func(s string) string { return filepath.Join(dir, s) }
	g := Open(map[string]string{"cpuacct": at("a"), "cpu": at("a"), "memory": at("m"), "pids": at("p"), "blkio": at("b")},
		&Buffer{})
	t.Cleanup(g.Close)
	return g, dir
}

func all(g *Group, c *sample.Container) {
	g.Limits(c)
	g.Peaks(c)
	g.Read(c, nil)
}

func TestV1(t *testing.T) {
	g, dir := v1(t)
	var c sample.Container
	all(g, &c)
	want := sample.Container{
		CPU: sample.CPU{Total: 12345, User: 7e7, System: 3e7, Periods: 5, ThrottledPeriods: 2, Throttled: 99,
			Shares: 512, Quota: 50000, Period: 100000, Limit: .5},
		Memory: sample.Memory{Usage: 100, WorkingSet: 75, RSS: 30, Cache: 60, Mapped: 9, Kernel: 10, Swap: 8, Max: 400,
			Limit: 1000, Reserved: 500, Failures: 4, OOMKills: 3, Faults: 70, MajorFaults: 6},
		Pids: sample.Pids{Current: 2},
		IO: []sample.Device{{Major: 8, ReadBytes: 4096, WrittenBytes: 8192, Reads: 3, Writes: 1},
			{Major: 7, Minor: 1, ReadBytes: 1}},
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("%+v\nwant %+v", c, want)
	}
	// The files are open: another measurement sees what they say now, and not the limits.
	f := filepath.Join(dir, "a/cpuacct.usage")
	write(t, f, "20000\n")
	write(t, filepath.Join(dir, "m/memory.limit_in_bytes"), "7\n")
	var again sample.Container
	Keep(&again, &c)
	g.Read(&again, &c)
	want.CPU.Total = 20000
	want.IO = again.IO
	if !reflect.DeepEqual(again, want) {
		t.Errorf("%+v\nwant %+v", again, want)
	}
}

func TestV2(t *testing.T) {
	dir := tree(t, map[string]string{
		"cpu.stat":       "usage_usec 10\nuser_usec 6\nsystem_usec 4\nnr_periods 9\nnr_throttled 1\nthrottled_usec 3\n",
		"memory.stat":    "anon 5\nfile 6\nkernel 7\nfile_mapped 4\ninactive_file 20\npgfault 8\npgmajfault 2\n",
		"memory.current": "11\n", "memory.max": "max\n", "memory.peak": "33\n", "memory.swap.current": "1\n",
		"memory.swap.max": "5\n", "memory.low": "3\n", "memory.events": "low 0\nhigh 0\nmax 3\noom 2\noom_kill 1\n",
		"io.stat":      "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n7:1 \n",
		"pids.current": "3\n", "pids.max": "64\n", "cpu.weight": "100\n", "cpu.max": "150000 100000\n",
		"cpu.pressure":    "some avg10=12.34 avg60=1.00 avg300=0.00 total=123\n",
		"memory.pressure": "some avg10=0.00 avg60=0.00 avg300=0.00 total=5\nfull avg10=1.50 avg60=0.00 avg300=0.00 total=4\n",
	})
	g := Open(map[string]string{"": dir}, &Buffer{})
	defer g.Close()
	var c sample.Container
	all(g, &c)
	want := sample.Container{
		CPU: sample.CPU{Total: 10000, User: 6000, System: 4000, Periods: 9, ThrottledPeriods: 1, Throttled: 3000,
			Shares: 2597, Quota: 150000, Period: 100000, Limit: 1.5},
		Memory: sample.Memory{Usage: 11, WorkingSet: 0, RSS: 5, Cache: 6, Mapped: 4, Kernel: 7, Swap: 1, Max: 33,
			Reserved: 3, Failures: 3, OOMKills: 1, Faults: 8, MajorFaults: 2},
		Pressure: &sample.Pressure{CPU: sample.Stall{Some: 123, SomePercent: 12.34},
			Memory: sample.Stall{Some: 5, Full: 4, FullPercent: 1.5}},
		Pids: sample.Pids{Current: 3, Limit: 64},
		IO:   []sample.Device{{Major: 8, ReadBytes: 1, WrittenBytes: 2, Reads: 3, Writes: 4}},
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("%+v\nwant %+v", c, want)
	}
}

// TestSame: what has not run keeps what it used, on both versions, until it is read without what was before.
func TestSame(t *testing.T) {
	old, dir := v1(t)
	now := tree(t, map[string]string{"cpu.stat": "usage_usec 5\n", "memory.current": "7\n", "pids.current": "2\n",
		"io.stat": "8:0 rbytes=1\n", "cpu.pressure": "some avg10=0.00 total=1\n"})
	for _, v := range []struct {
		g                     *Group
		usage, current, stall string
	}{
		{old, filepath.Join(dir, "a/cpuacct.usage"), filepath.Join(dir, "m/memory.usage_in_bytes"), ""},
		{Open(map[string]string{"": now}, &Buffer{}), filepath.Join(now, "cpu.stat"), filepath.Join(now, "memory.current"),
			filepath.Join(now, "cpu.pressure")},
	} {
		var before, same sample.Container
		all(v.g, &before)
		write(t, v.current, "77\n")
		if v.stall != "" {
			write(t, v.stall, "some avg10=0.00 total=9\n")
		}
		Keep(&same, &before)
		v.g.Read(&same, &before)
		if v.stall != "" && same.Pressure.CPU.Some != 9 {
			t.Errorf("pressure of what waits: %+v", same.Pressure)
		}
		same.Pressure = before.Pressure
		if !reflect.DeepEqual(same, before) {
			t.Errorf("%+v\nwant %+v", same, before)
		}
		var again sample.Container
		if v.g.Read(&again, nil); again.Memory.Usage != 77 {
			t.Errorf("read wholly: %+v", again.Memory)
		}
		write(t, v.usage, "usage_usec 99999\n")
		if v.stall == "" {
			write(t, v.usage, "99999\n")
		}
		var ran sample.Container
		if v.g.Read(&ran, &before); ran.Memory.Usage != 77 {
			t.Errorf("after it ran: %+v", ran.Memory)
		}
		v.g.Close()
	}
}

// TestGone: a group that was never there, and one that has nothing.
func TestGone(t *testing.T) {
	for _, paths := range []map[string]string{nil, {"": "/no/where"}, {"memory": "/no/where", "cpuacct": "/no/where"}} {
		var c sample.Container
		g := Open(paths, &Buffer{})
		all(g, &c)
		g.Close()
		if !reflect.DeepEqual(c, sample.Container{}) {
			t.Errorf("%v: %+v", paths, c)
		}
	}
}

// TestLongFile: a file that is longer than what is read at once, with a device for each line.
func TestLongFile(t *testing.T) {
	var text strings.Builder
	for range 3000 {
		text.WriteString("8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n")
	}
	text.WriteString("9:9 rbytes=77 wbytes=0 rios=0 wios=0 dbytes=0 dios=0\n")
	g := Open(map[string]string{"": tree(t, map[string]string{"io.stat": text.String()})}, &Buffer{})
	defer g.Close()
	var c sample.Container
	g.Read(&c, nil)
	if len(c.IO) != 2 || c.IO[1].ReadBytes != 77 {
		t.Errorf("%+v", c.IO)
	}
}

func TestNumber(t *testing.T) {
	for text, want := range map[string]uint64{
		"": 0, "0": 0, "7\n": 7, " 42 x": 42, "max": math.MaxUint64, "max\n": math.MaxUint64, "-1": 0,
		"18446744073709551615": math.MaxUint64, "99999999999999999999999": math.MaxUint64, "x": 0,
	} {
		if got := number([]byte(text)); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}

// TestDamaged: what a kernel would never write is read as nothing, and is no panic.
func TestDamaged(t *testing.T) {
	for _, text := range []string{"\n", "some", "some \n", "some avg10", "some avg10=\n", "full avg10=x total=y",
		"8:0\n", "8: \n", ":\n", "8:0 rbytes", "8:0 rbytes= =\n", "\x00\xff", "8:0 Read\n", strings.Repeat("9", 400)} {
		dir := tree(t, map[string]string{"io.stat": text, "cpu.stat": text, "memory.stat": text, "cpu.pressure": text,
			"cpu.max": text, "pids.max": text})
		g := Open(map[string]string{"": dir}, &Buffer{})
		var c sample.Container
		all(g, &c)
		g.Close()
		if c.CPU.Total != 0 || c.Memory.RSS != 0 {
			t.Errorf("%q: %+v", text, c)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	g := Open(map[string]string{"cpuacct": "/sys/fs/cgroup/cpuacct", "cpu": "/sys/fs/cgroup/cpu",
		"memory": "/sys/fs/cgroup/memory", "pids": "/sys/fs/cgroup/pids", "blkio": "/sys/fs/cgroup/blkio"}, &Buffer{})
	defer g.Close()
	b.ReportAllocs()
	for b.Loop() {
		var c sample.Container
		g.Read(&c, nil)
	}
}
