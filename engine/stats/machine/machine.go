// Package machine measures the host: processors, load, memory, pressure, disks, file systems, interfaces,
// temperatures and the clock, from /proc and /sys. What a kernel does not tell is zero.
package machine

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"box/engine/stats/group"
	"box/engine/stats/sample"
)

// Machine reads a host. It is for one goroutine at a time.
type Machine struct {
	Proc string // mount of proc
	Sys  string // mount of sysfs
	Data string // folder with the daemon's data, whose file system is always told

	buf []byte
}

// read returns the content of a file, nil if there is none. It is valid until the next call.
func (m *Machine) read(dir, name string) []byte {
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return nil
	}
	defer f.Close()
	if m.buf == nil {
		m.buf = make([]byte, 16<<10)
	}
	filled := 0
	for {
		n, err := f.Read(m.buf[filled:])
		filled += n
		if err != nil || n == 0 {
			return m.buf[:filled]
		}
		if filled == len(m.buf) {
			if filled >= maxFile {
				return m.buf[:filled]
			}
			m.buf = append(m.buf, make([]byte, filled)...)
		}
	}
}

// maxFile bounds what is read of one file, in bytes.
const maxFile = 4 << 20

// Fast fills in what changes all the time.
func (m *Machine) Fast(h *sample.Host) {
	m.processors(h)
	m.load(h)
	m.memory(&h.Memory)
	h.Pressure = m.pressure()
	h.Devices = m.devices()
	h.Network = m.Interfaces()
}

// Slow fills in what changes in the course of minutes.
func (m *Machine) Slow(h *sample.Host) {
	h.Files = m.fileSystems()
	h.Heat = m.heat()
	h.Clock = clock()
	h.Kernel = strings.TrimSpace(string(m.read(m.Proc, "sys/kernel/osrelease")))
	h.Name = strings.TrimSpace(string(m.read(m.Proc, "sys/kernel/hostname")))
}

// tick is the unit of /proc/stat in nanoseconds (USER_HZ, the same on all supported architectures).
const tick = 1_000_000_000 / 100

// processors parses /proc/stat (proc_stat(5)).
func (m *Machine) processors(h *sample.Host) {
	for line := range bytes.Lines(m.read(m.Proc, "stat")) {
		name, rest, _ := strings.Cut(strings.TrimSpace(string(line)), " ")
		switch {
		case name == "cpu":
			var n [8]uint64
			for i, w := range strings.Fields(rest) {
				if i < len(n) {
					n[i] = number(w) * tick
				}
			}
			h.Mode = sample.CPUModes{User: n[0], Nice: n[1], System: n[2], Idle: n[3], IOWait: n[4], IRQ: n[5],
				SoftIRQ: n[6], Steal: n[7]}
		case strings.HasPrefix(name, "cpu"):
			h.CPUs++
		case name == "btime":
			h.Booted = time.Unix(int64(number(rest)), 0).UTC()
		}
	}
}

func (m *Machine) load(h *sample.Host) {
	for i, w := range strings.Fields(string(m.read(m.Proc, "loadavg"))) {
		if i < len(h.Load) {
			h.Load[i], _ = strconv.ParseFloat(w, 64)
		}
	}
}

// memory parses /proc/meminfo (proc_meminfo(5)), whose unit is 1024 bytes.
func (m *Machine) memory(to *sample.HostMemory) {
	fields := map[string]*uint64{"MemTotal": &to.Total, "MemFree": &to.Free, "MemAvailable": &to.Available,
		"Cached": &to.Cached, "Buffers": &to.Buffers, "SwapTotal": &to.SwapTotal, "SwapFree": &to.SwapFree}
	for line := range bytes.Lines(m.read(m.Proc, "meminfo")) {
		name, rest, _ := strings.Cut(string(line), ":")
		if field := fields[name]; field != nil {
			w, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
			*field = number(w) << 10
		}
	}
	if to.Available == 0 { // before Linux 3.14
		to.Available = to.Free + to.Cached + to.Buffers
	}
	for line := range bytes.Lines(m.read(m.Proc, "vmstat")) {
		if rest, ok := bytes.CutPrefix(line, []byte("oom_kill ")); ok {
			to.OOMKills = number(strings.TrimSpace(string(rest)))
		}
	}
}

// pressure returns nil where the kernel accounts none.
func (m *Machine) pressure() *sample.Pressure {
	cpu := m.read(m.Proc, "pressure/cpu")
	if len(cpu) == 0 {
		return nil
	}
	p := &sample.Pressure{CPU: group.Pressure(cpu)}
	p.Memory = group.Pressure(m.read(m.Proc, "pressure/memory"))
	p.IO = group.Pressure(m.read(m.Proc, "pressure/io"))
	return p
}

// sector is the unit of /proc/diskstats in bytes, whatever the device's is.
const sector = 512

// devices parses /proc/diskstats (Documentation/admin-guide/iostats.rst). Parts of disks, and devices that were never
// used, are left out.
func (m *Machine) devices() (list []sample.Device) {
	for line := range bytes.Lines(m.read(m.Proc, "diskstats")) {
		w := strings.Fields(string(line))
		if len(w) < 14 || number(w[3])+number(w[7]) == 0 {
			continue
		}
		list = append(list, sample.Device{Major: number(w[0]), Minor: number(w[1]), Name: w[2], Reads: number(w[3]),
			ReadBytes: number(w[5]) * sector, Writes: number(w[7]), WrittenBytes: number(w[9]) * sector})
	}
	whole := list[:0]
	for _, d := range list {
		if _, err := os.Stat(filepath.Join(m.Sys, "class/block", d.Name, "partition")); err != nil {
			whole = append(whole, d)
		}
	}
	return whole
}

// Interfaces returns the counters of the interfaces of this process's network namespace, without the loopback
// (proc_net(5), /proc/net/dev).
func (m *Machine) Interfaces() (list []sample.Interface) {
	for line := range bytes.Lines(m.read(m.Proc, "self/net/dev")) {
		name, rest, ok := strings.Cut(string(line), ":")
		w := strings.Fields(rest)
		if name = strings.TrimSpace(name); !ok || name == "lo" || len(w) < 16 {
			continue
		}
		list = append(list, sample.Interface{Name: name,
			RxBytes: number(w[0]), RxPackets: number(w[1]), RxErrors: number(w[2]), RxDropped: number(w[3]),
			TxBytes: number(w[8]), TxPackets: number(w[9]), TxErrors: number(w[10]), TxDropped: number(w[11]),
		})
	}
	return list
}

func number(s string) uint64 {
	n, _ := strconv.ParseUint(s, 10, 64) // 0 for what is none
	return n
}

// clock says what is wrong with the clock, or "".
func clock() string {
	if now := time.Now(); now.Year() < 2024 {
		return "the clock says " + now.UTC().Format(time.DateOnly) + ": it was never set"
	}
	const unsynchronised = 0x40 // STA_UNSYNC of adjtimex(2)
	var t unix.Timex
	if _, err := unix.Adjtimex(&t); err == nil && t.Status&unsynchronised != 0 {
		return "the clock is not synchronised"
	}
	return ""
}
