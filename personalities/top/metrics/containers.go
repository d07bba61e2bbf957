package metrics

import (
	"strconv"
	"strings"

	"box/engine/stats/sample"
)

// families are all metrics. Those of cAdvisor are in its docs/storage/prometheus.md.
func families() []family {
	list := append(cpuFamilies(), memoryFamilies()...)
	list = append(append(list, networkFamilies()...), diskFamilies()...)
	list = append(append(list, specFamilies()...), pressureFamilies()...)
	return append(append(append(list, machineFamilies()...), ownFamilies()...), daemonFamilies()...)
}

// root are the labels of the host where containers have theirs: it is the container / of cAdvisor.
var root = []string{"id", "/"}

// running has a function called for running containers alone: others use nothing.
func running(value func(c *sample.Container) float64) func(*sample.Container, put) {
	return func(c *sample.Container, put put) {
		if c.State == "running" || c.State == "paused" {
			put(value(c))
		}
	}
}

func ofHost(value func(h *sample.Host) float64) func(*sample.Host, put) {
	return func(h *sample.Host, put put) { put(value(h), root...) }
}

func cpuFamilies() []family {
	return []family{
		both("container_cpu_usage_seconds_total", counter, "Processor time that was used.",
			func(c *sample.Container, put put) {
				running(func(c *sample.Container) float64 { return seconds(c.CPU.Total) })(c,
					func(v float64, _ ...string) { put(v, "cpu", "total") })
			},
			func(h *sample.Host, put put) {
				m := &h.Mode
				put(seconds(m.User+m.Nice+m.System+m.IRQ+m.SoftIRQ), "id", "/", "cpu", "total")
			}),
		both("container_cpu_user_seconds_total", counter, "Processor time that was used by programs.",
			running(func(c *sample.Container) float64 { return seconds(c.CPU.User) }),
			ofHost(func(h *sample.Host) float64 { return seconds(h.Mode.User + h.Mode.Nice) })),
		both("container_cpu_system_seconds_total", counter, "Processor time that was used by the kernel.",
			running(func(c *sample.Container) float64 { return seconds(c.CPU.System) }),
			ofHost(func(h *sample.Host) float64 { return seconds(h.Mode.System + h.Mode.IRQ + h.Mode.SoftIRQ) })),
		both("container_cpu_cfs_periods_total", counter, "Periods of the processor limit that have passed.",
			running(func(c *sample.Container) float64 { return float64(c.CPU.Periods) }), nil),
		both("container_cpu_cfs_throttled_periods_total", counter, "Periods in which the container was held back.",
			running(func(c *sample.Container) float64 { return float64(c.CPU.ThrottledPeriods) }), nil),
		both("container_cpu_cfs_throttled_seconds_total", counter, "Time for which the container was held back.",
			running(func(c *sample.Container) float64 { return seconds(c.CPU.Throttled) }), nil),
		both("container_cpu_load_average_10s", gauge, "Processors in use since the last measurement.",
			running(func(c *sample.Container) float64 { return c.Rate.CPU }),
			ofHost(func(h *sample.Host) float64 { return h.Rate.CPU })),
	}
}

func memoryFamilies() []family {
	plain := func(name, help string, value func(m *sample.Memory) uint64, host func(m *sample.HostMemory) uint64) family {
		f := family{name: name, kind: gauge, help: help,
			container: running(func(c *sample.Container) float64 { return float64(value(&c.Memory)) })}
		if host != nil {
			f.host = ofHost(func(h *sample.Host) float64 { return float64(host(&h.Memory)) })
		}
		return f
	}
	used := func(m *sample.HostMemory) uint64 { return m.Total - min(m.Free, m.Total) }
	missed := func(m *sample.HostMemory) uint64 { return m.Total - min(m.Available, m.Total) }
	return []family{
		plain("container_memory_usage_bytes", "Memory in use, with the page cache.",
			func(m *sample.Memory) uint64 { return m.Usage }, used),
		plain("container_memory_working_set_bytes", "Memory in use without inactive files: what would be missed.",
			func(m *sample.Memory) uint64 { return m.WorkingSet }, missed),
		plain("container_memory_rss", "Anonymous memory in bytes.",
			func(m *sample.Memory) uint64 { return m.RSS }, nil),
		plain("container_memory_cache", "Page cache in bytes.", func(m *sample.Memory) uint64 { return m.Cache },
			func(m *sample.HostMemory) uint64 { return m.Cached }),
		plain("container_memory_mapped_file", "Mapped files in bytes.",
			func(m *sample.Memory) uint64 { return m.Mapped }, nil),
		plain("container_memory_kernel_usage", "Memory of the kernel in bytes.",
			func(m *sample.Memory) uint64 { return m.Kernel }, nil),
		plain("container_memory_swap", "Swapped memory in bytes.", func(m *sample.Memory) uint64 { return m.Swap },
			func(m *sample.HostMemory) uint64 { return m.SwapTotal - min(m.SwapFree, m.SwapTotal) }),
		plain("container_memory_max_usage_bytes", "The most memory that was in use.",
			func(m *sample.Memory) uint64 { return m.Max }, nil),
		plain("container_memory_failcnt", "How often the memory limit was met.",
			func(m *sample.Memory) uint64 { return m.Failures }, nil),
		both("container_memory_failures_total", counter, "Page faults.", func(c *sample.Container, put put) {
			if c.State != "running" && c.State != "paused" {
				return
			}
			put(float64(c.Memory.Faults), "failure_type", "pgfault", "scope", "hierarchy")
			put(float64(c.Memory.MajorFaults), "failure_type", "pgmajfault", "scope", "hierarchy")
		}, nil),
		both("container_oom_events_total", counter, "Processes that were killed for want of memory.",
			running(func(c *sample.Container) float64 { return float64(c.Memory.OOMKills) }),
			ofHost(func(h *sample.Host) float64 { return float64(h.Memory.OOMKills) })),
	}
}

func networkFamilies() []family {
	one := func(name, help string, value func(i *sample.Interface) uint64) family {
		each := func(list []sample.Interface, put put, labels ...string) {
			for i := range list {
				put(float64(value(&list[i])), append(labels, "interface", list[i].Name)...)
			}
		}
		return family{name: name, kind: counter, help: help,
			container: func(c *sample.Container, put put) { each(c.Network, put) },
			host:      func(h *sample.Host, put put) { each(outside(h.Network), put, root...) }}
	}
	return []family{
		one("container_network_receive_bytes_total", "Bytes received.",
			func(i *sample.Interface) uint64 { return i.RxBytes }),
		one("container_network_receive_packets_total", "Packets received.",
			func(i *sample.Interface) uint64 { return i.RxPackets }),
		one("container_network_receive_errors_total", "Errors in receiving.",
			func(i *sample.Interface) uint64 { return i.RxErrors }),
		one("container_network_receive_packets_dropped_total", "Received packets that were dropped.",
			func(i *sample.Interface) uint64 { return i.RxDropped }),
		one("container_network_transmit_bytes_total", "Bytes sent.", func(i *sample.Interface) uint64 { return i.TxBytes }),
		one("container_network_transmit_packets_total", "Packets sent.",
			func(i *sample.Interface) uint64 { return i.TxPackets }),
		one("container_network_transmit_errors_total", "Errors in sending.",
			func(i *sample.Interface) uint64 { return i.TxErrors }),
		one("container_network_transmit_packets_dropped_total", "Packets to send that were dropped.",
			func(i *sample.Interface) uint64 { return i.TxDropped }),
	}
}

func diskFamilies() []family {
	one := func(name, help string, value func(d *sample.Device) uint64) family {
		each := func(list []sample.Device, put put, labels ...string) {
			for i := range list {
				put(float64(value(&list[i])), append(labels, "device", device(&list[i]))...)
			}
		}
		return family{name: name, kind: counter, help: help,
			container: func(c *sample.Container, put put) { each(c.IO, put) },
			host:      func(h *sample.Host, put put) { each(h.Devices, put, root...) }}
	}
	files := func(name, help string, value func(f *sample.FileSystem) uint64) family {
		kind := gauge
		if strings.HasSuffix(name, "_total") {
			kind = untyped
		}
		return family{name: name, kind: kind, help: help, host: func(h *sample.Host, put put) {
			for i := range h.Files {
				put(float64(value(&h.Files[i])), "id", "/", "device", h.Files[i].Device)
			}
		}}
	}
	usage := files("container_fs_usage_bytes", "Bytes that files take.",
		func(f *sample.FileSystem) uint64 { return f.Total - f.Free })
	usage.container = func(c *sample.Container, put put) {
		if c.Disk.Writable >= 0 {
			put(float64(c.Disk.Writable+c.Disk.Log), "device", c.Disk.Device)
		}
	}
	return []family{
		one("container_fs_reads_bytes_total", "Bytes read.", func(d *sample.Device) uint64 { return d.ReadBytes }),
		one("container_fs_reads_total", "Reads completed.", func(d *sample.Device) uint64 { return d.Reads }),
		one("container_fs_writes_bytes_total", "Bytes written.", func(d *sample.Device) uint64 { return d.WrittenBytes }),
		one("container_fs_writes_total", "Writes completed.", func(d *sample.Device) uint64 { return d.Writes }),
		usage,
		files("container_fs_limit_bytes", "Bytes of the file system.", func(f *sample.FileSystem) uint64 { return f.Total }),
		files("container_fs_inodes_free", "Inodes that are free.", func(f *sample.FileSystem) uint64 { return f.FreeInodes }),
		files("container_fs_inodes_total", "Inodes of the file system.",
			func(f *sample.FileSystem) uint64 { return f.Inodes }),
	}
}

// device is how cAdvisor names a block device.
func device(d *sample.Device) string {
	if d.Name != "" {
		return "/dev/" + d.Name
	}
	return strconv.FormatUint(d.Major, 10) + ":" + strconv.FormatUint(d.Minor, 10)
}

func specFamilies() []family {
	all := func(name, help string, value func(c *sample.Container) float64) family {
		return family{name: name, kind: gauge, help: help,
			container: func(c *sample.Container, put put) { put(value(c)) }}
	}
	return []family{
		all("container_spec_cpu_period", "Period of the processor limit in microseconds.",
			func(c *sample.Container) float64 { return float64(c.CPU.Period) }),
		both("container_spec_cpu_quota", gauge, "Processor limit in microseconds of a period.",
			func(c *sample.Container, put put) {
				if c.CPU.Quota > 0 {
					put(float64(c.CPU.Quota))
				}
			}, nil),
		all("container_spec_cpu_shares", "Weight for the processors.",
			func(c *sample.Container) float64 { return float64(c.CPU.Shares) }),
		both("container_spec_memory_limit_bytes", gauge, "Memory limit, 0 for none.",
			func(c *sample.Container, put put) { put(float64(c.Memory.Limit)) },
			ofHost(func(h *sample.Host) float64 { return float64(h.Memory.Total) })),
		all("container_spec_memory_swap_limit_bytes", "Limit of memory and swap, 0 for none.",
			func(c *sample.Container) float64 { return float64(c.Memory.SwapLimit) }),
		all("container_spec_memory_reservation_limit_bytes", "Soft memory limit, 0 for none.",
			func(c *sample.Container) float64 { return float64(c.Memory.Reserved) }),
		both("container_start_time_seconds", gauge, "When the container was started.",
			func(c *sample.Container, put put) { put(stamp(c.Started)) },
			ofHost(func(h *sample.Host) float64 { return stamp(h.Booted) })),
		{name: "container_last_seen", kind: gauge, help: "When the container was last measured.", seen: true},
		both("container_threads", gauge, "Threads.",
			running(func(c *sample.Container) float64 { return float64(c.Pids.Current) }), nil),
		both("container_threads_max", gauge, "Limit of threads, 0 for none.",
			running(func(c *sample.Container) float64 { return float64(c.Pids.Limit) }), nil),
	}
}

func pressureFamilies() []family {
	one := func(name, help string, value func(p *sample.Pressure) uint64) family {
		say := func(p *sample.Pressure, put put, labels ...string) {
			if p != nil {
				put(float64(value(p))/1e6, labels...)
			}
		}
		return family{name: name, kind: counter, help: help,
			container: func(c *sample.Container, put put) { say(c.Pressure, put) },
			host:      func(h *sample.Host, put put) { say(h.Pressure, put, root...) }}
	}
	return []family{
		one("container_pressure_cpu_waiting_seconds_total", "Time in which some tasks waited for a processor.",
			func(p *sample.Pressure) uint64 { return p.CPU.Some }),
		one("container_pressure_cpu_stalled_seconds_total", "Time in which all tasks waited for a processor.",
			func(p *sample.Pressure) uint64 { return p.CPU.Full }),
		one("container_pressure_memory_waiting_seconds_total", "Time in which some tasks waited for memory.",
			func(p *sample.Pressure) uint64 { return p.Memory.Some }),
		one("container_pressure_memory_stalled_seconds_total", "Time in which all tasks waited for memory.",
			func(p *sample.Pressure) uint64 { return p.Memory.Full }),
		one("container_pressure_io_waiting_seconds_total", "Time in which some tasks waited for a disk.",
			func(p *sample.Pressure) uint64 { return p.IO.Some }),
		one("container_pressure_io_stalled_seconds_total", "Time in which all tasks waited for a disk.",
			func(p *sample.Pressure) uint64 { return p.IO.Full }),
	}
}
