package machine

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"box/engine/stats/sample"
)

// host writes the files of a host and returns it.
func host(t *testing.T, files map[string]string) *Machine {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return &Machine{Proc: filepath.Join(dir, "proc"), Sys: filepath.Join(dir, "sys"), Data: dir}
}

func TestFast(t *testing.T) {
	m := host(t, map[string]string{
		"proc/stat": "cpu  100 1 200 1000 5 6 4 9 0 0\ncpu0 50 0 100 500 0 0 0 0 0 0\ncpu1 50 0 0 0 0 0 0 0 0 0\n" +
			"intr 5\nbtime 1700000000\n",
		"proc/loadavg": "1.50 0.25 0.05 2/345 678\n",
		"proc/meminfo": "MemTotal:       1000 kB\nMemFree: 200 kB\nMemAvailable: 600 kB\nBuffers: 10 kB\nCached: 300 kB\n" +
			"SwapCached: 9 kB\nSwapTotal: 50 kB\nSwapFree: 40 kB\n",
		"proc/vmstat":          "nr_free_pages 5\noom_kill 7\n",
		"proc/pressure/cpu":    "some avg10=1.00 avg60=0.00 avg300=0.00 total=10\n",
		"proc/pressure/memory": "some avg10=2.00 avg60=0.00 avg300=0.00 total=20\n",
		"proc/pressure/io": "some avg10=3.00 avg60=0.00 avg300=0.00 total=30\n" +
			"full avg10=4.00 avg60=0 avg300=0 total=40\n",
		"proc/diskstats": "   8       0 sda 10 0 100 5 20 0 200 5 0 10 10 0 0 0 0\n" +
			"   8       1 sda1 10 0 100 5 20 0 200 5 0 10 10 0 0 0 0\n" +
			"   7       0 loop0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n",
		"sys/class/block/sda1/partition": "1\n",
		"proc/self/net/dev": "Inter-|   Receive\n face |bytes\n    lo: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n" +
			"  eth0:100 2 3 4 0 0 0 0 50 6 7 8 0 0 0 0\n",
	})
	var h sample.Host
	m.Fast(&h)
	want := sample.Host{
		CPUs: 2, Booted: time.Unix(1700000000, 0).UTC(), Load: [3]float64{1.5, .25, .05},
		Mode: sample.CPUModes{User: 100 * tick, Nice: tick, System: 200 * tick, Idle: 1000 * tick, IOWait: 5 * tick,
			IRQ: 6 * tick, SoftIRQ: 4 * tick, Steal: 9 * tick},
		Memory: sample.HostMemory{Total: 1000 << 10, Free: 200 << 10, Available: 600 << 10, Cached: 300 << 10,
			Buffers: 10 << 10, SwapTotal: 50 << 10, SwapFree: 40 << 10, OOMKills: 7},
		Pressure: &sample.Pressure{CPU: sample.Stall{Some: 10, SomePercent: 1},
			Memory: sample.Stall{Some: 20, SomePercent: 2},
			IO:     sample.Stall{Some: 30, SomePercent: 3, Full: 40, FullPercent: 4}},
		Devices: []sample.Device{{Major: 8, Name: "sda", Reads: 10, ReadBytes: 51200, Writes: 20, WrittenBytes: 102400}},
		Network: []sample.Interface{{Name: "eth0", RxBytes: 100, RxPackets: 2, RxErrors: 3, RxDropped: 4, TxBytes: 50,
			TxPackets: 6, TxErrors: 7, TxDropped: 8}},
	}
	if !reflect.DeepEqual(h, want) {
		t.Errorf("%+v\nwant %+v", h, want)
	}
}

// TestBareHost: a host that tells nothing, and an old one without MemAvailable and pressure.
func TestBareHost(t *testing.T) {
	var h sample.Host
	none := host(t, nil)
	none.Fast(&h)
	none.Slow(&h)
	h.Clock = "" // it is this machine's
	if !reflect.DeepEqual(h, sample.Host{}) {
		t.Errorf("%+v", h)
	}
	old := host(t, map[string]string{"proc/meminfo": "MemTotal: 100 kB\nMemFree: 10 kB\nBuffers: 3 kB\nCached: 20 kB\n"})
	old.Fast(&h)
	if h.Memory.Available != 33<<10 || h.Pressure != nil {
		t.Errorf("%+v", h.Memory)
	}
}

func TestSlow(t *testing.T) {
	m := host(t, map[string]string{
		"sys/class/thermal/thermal_zone0/temp": "45500\n", "sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
		"sys/class/thermal/thermal_zone1/temp": "asleep\n", "sys/class/thermal/thermal_zone1/type": "gpu\n",
		"sys/class/hwmon/hwmon0/temp1_input": "99000\n", "sys/class/hwmon/hwmon0/name": "other\n",
		"proc/sys/kernel/osrelease": "6.1.0\n", "proc/sys/kernel/hostname": "board\n",
	})
	var h sample.Host
	m.Slow(&h)
	if want := []sample.Heat{{Name: "cpu-thermal", Celsius: 45.5}}; !reflect.DeepEqual(h.Heat, want) ||
		h.Kernel != "6.1.0" || h.Name != "board" {
		t.Errorf("%+v, %q, %q", h.Heat, h.Kernel, h.Name)
	}
	if err := os.RemoveAll(filepath.Join(m.Sys, "class/thermal")); err != nil {
		t.Fatal(err)
	}
	if m.Slow(&h); len(h.Heat) != 1 || h.Heat[0].Name != "other" || h.Heat[0].Celsius != 99 {
		t.Errorf("%+v", h.Heat)
	}
}

// TestFileSystems: the one with the data is always told, by the path it is mounted at; of several mounts of a device
// the shortest path.
func TestFileSystems(t *testing.T) {
	m := &Machine{Proc: "/proc", Sys: "/sys", Data: t.TempDir()}
	data := 0
	seen := map[string]bool{}
	for _, f := range m.fileSystems() {
		if f.Data {
			data++
			if f.Total == 0 || f.Free > f.Total || f.Available > f.Free {
				t.Errorf("%+v", f)
			}
		}
		if seen[f.Path] {
			t.Errorf("%s twice", f.Path)
		}
		seen[f.Path] = true
	}
	if data != 1 {
		t.Errorf("%d file systems with the data", data)
	}
	if got := unescape(`/a\040b\134c`); got != `/a b\c` {
		t.Errorf("%q", got)
	}
}

// TestThisMachine: what is measured here is possible.
func TestThisMachine(t *testing.T) {
	m := &Machine{Proc: "/proc", Sys: "/sys", Data: "/"}
	var h sample.Host
	m.Fast(&h)
	m.Slow(&h)
	if h.CPUs < 1 || h.Memory.Total == 0 || h.Memory.Available > h.Memory.Total || h.Mode.Idle == 0 ||
		h.Booted.After(time.Now()) || h.Kernel == "" {
		t.Errorf("%+v", h)
	}
}
