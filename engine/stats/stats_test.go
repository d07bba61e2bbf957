package stats

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// tree writes files and returns their folder.
func tree(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const procStat = "cpu  100 1 200 1000 5 0 4 9 0 0\ncpu0 50 0 100 500 0 0 0 0 0 0\ncpu1 50 0 100 500 0 0 0 0 0 " +
	"0\nintr 5\n"

func TestV1(t *testing.T) {
	dir := tree(t, map[string]string{
		"proc/stat":              procStat,
		"a/cpuacct.usage":        "12345\n",
		"a/cpuacct.usage_percpu": "12000 345 \n",
		"a/cpuacct.stat":         "user 7\nsystem 3\n",
		"a/cpu.stat":             "nr_periods 5\nnr_throttled 2\nthrottled_time 99\nnr_bursts 0\n",
		"m/memory.stat": "cache 10\nrss 20\nshmem 1\ntotal_inactive_file " +
			"4\nhierarchical_memory_limit 9223372036854771712\n",
		"m/memory.usage_in_bytes":                     "30\n",
		"m/memory.max_usage_in_bytes":                 "40\n",
		"m/memory.failcnt":                            "1\n",
		"m/memory.limit_in_bytes":                     "9223372036854771712\n",
		"p/pids.current":                              "2\n",
		"p/pids.max":                                  "max\n",
		"b/blkio.throttle.io_serviced_recursive":      "8:0 Read 3\n8:0 Write 1\n8:0 Total 4\nTotal 4\n",
		"b/blkio.throttle.io_service_bytes_recursive": "8:0 Read 4096\nTotal 4096\n",
		"b/blkio.bfq.io_service_bytes_recursive":      "Total 0\n",
	})
	at := func(s string) string { return filepath.Join(dir, s) }
	u := Host{Proc: at("proc"), Memory: 1000}.Read(map[string]string{"cpuacct": at("a"), "cpu": at("a"), "memory": at("m"),
		"pids": at("p"), "blkio": at("b"), "": at("unified")})
	c := u.CPU
	if c.CPUUsage.TotalUsage != 12345 || len(c.CPUUsage.PercpuUsage) != 2 || c.CPUUsage.UsageInUsermode != 70_000_000 ||
		c.CPUUsage.UsageInKernelmode != 30_000_000 ||
		c.OnlineCPUs != 2 || c.SystemUsage != 1310*tick || c.ThrottlingData.ThrottledTime != 99 {
		t.Errorf("%+v", c)
	}
	m := u.Memory
	if m.Usage != 30 || m.MaxUsage != 40 || m.Failcnt != 1 || m.Limit != 1000 || m.Stats["total_inactive_file"] != 4 ||
		len(m.Stats) != 32 {
		t.Errorf("%+v", m)
	}
	if u.Pids.Current != 2 || u.Pids.Limit != 0 {
		t.Errorf("%+v", u.Pids)
	}
	raw, _ := json.Marshal(u.Blkio)
	const want = `{"io_service_bytes_recursive":[{"major":8,"minor":0,"op":"Read","value":4096}],"io_serviced_recursive":[{"major":8,"minor":0,"op":"Read","value":3},{"major":8,"minor":0,"op":"Write","value":1},{"major":8,"minor":0,"op":"Total","value":4}],"io_queue_recursive":[],"io_service_time_recursive":[],"io_wait_time_recursive":[],"io_merged_recursive":[],"io_time_recursive":[],"sectors_recursive":[]}`
	if string(raw) != want {
		t.Errorf("%s", raw)
	}
}

func TestV2(t *testing.T) {
	dir := tree(t, map[string]string{
		"proc/stat":  procStat,
		"g/cpu.stat": "usage_usec 10\nuser_usec 6\nsystem_usec 4\nnr_periods 1\nnr_throttled 1\nthrottled_usec 3\n",
		"g/memory.stat": "anon 5\nfile 6\ninactive_file 2\nworkingset_refault_anon 1\nworkingset_refault_file 2\npercpu " +
			"7\n",
		"g/memory.current": "11\n", "g/memory.max": "max\n", "g/memory.events": "low 0\nhigh 0\nmax 3\noom 2\noom_kill 1\n",
		"g/io.stat": "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n7:1 \n", "g/pids.current": "3\n",
		"g/pids.max": "max\n",
	})
	u := Host{Proc: filepath.Join(dir, "proc"), Memory: 4096}.Read(map[string]string{"": filepath.Join(dir, "g")})
	if u.CPU.CPUUsage.TotalUsage != 10_000 || u.CPU.CPUUsage.PercpuUsage != nil ||
		u.CPU.ThrottlingData.ThrottledTime != 3000 {
		t.Errorf("%+v", u.CPU)
	}
	m := u.Memory
	if m.Usage != 11 || m.Limit != 4096 || m.MaxUsage != 0 || m.Failcnt != 2 || m.Stats["inactive_file"] != 2 ||
		m.Stats["workingset_refault"] != 3 {
		t.Errorf("%+v", m)
	}
	if b := u.Blkio.IoServiceBytesRecursive; len(b) != 2 || b[0].Op != "read" || b[1].Value != 2 ||
		u.Blkio.IoServicedRecursive != nil {
		t.Errorf("%+v", u.Blkio)
	}
	if u.Pids.Limit != math.MaxUint64 || u.Pids.Current != 3 {
		t.Errorf("%+v", u.Pids)
	}
}

func TestGone(t *testing.T) {
	u := Host{Proc: t.TempDir()}.Read(map[string]string{"memory": "/no/where", "cpuacct": "/no/where"})
	if u.Memory.Stats != nil || u.CPU.CPUUsage.TotalUsage != 0 || u.Blkio.IoServiceBytesRecursive == nil {
		t.Errorf("%+v", u)
	}
}

func TestNetworks(t *testing.T) {
	dir := tree(t, map[string]string{"7/net/dev": "Inter-|   Receive\n face |bytes\n    lo: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 " +
		"0 0\n  eth0:100 2 3 4 0 0 0 0 50 6 7 8 0 0 0 0\n"})
	n := Host{Proc: dir}.Networks(7)
	if e := n["eth0"]; len(n) != 1 || e.RxBytes != 100 || e.RxDropped != 4 || e.TxBytes != 50 || e.TxPackets != 6 ||
		e.TxErrors != 7 || e.TxDropped != 8 {
		t.Errorf("%+v", n)
	}
	if (Host{Proc: dir}).Networks(8) != nil {
		t.Error("counters of nobody")
	}
}
