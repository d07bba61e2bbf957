// Package sample is what the monitor measures, as data: what a host and its containers use at one moment. It is what
// `GET /monitor` sends, and what the terminal, the page, the metrics and the history are made from.
package sample

import "time"

// Set is one measurement of a host and of all its containers, running or not.
type Set struct {
	At         time.Time
	Host       Host
	Containers []Container // by name
}

// Container is what one container uses. Counters grow from its start; a container that does not run has none. What a
// kernel cannot tell is zero, or nil.
type Container struct {
	ID      string
	Name    string
	Image   string
	Labels  map[string]string `json:",omitempty"`
	State   string            // created, running, paused, restarting, exited, removing, dead
	Health  string            `json:",omitempty"` // starting, healthy, unhealthy
	Created time.Time
	Started time.Time
	Ended   time.Time // of the last run
	Exit    Exit      // of the last run
	Ports   []string  `json:",omitempty"` // as `docker ps` shows them
	Policy  string    `json:",omitempty"` // restart policy
	ByHand  bool      `json:",omitempty"` // stopped by hand: it should not run

	Restarts     int    // by the policy, since the last start by hand
	RestartsHour int    // in the last hour
	LastError    string `json:",omitempty"` // last line of standard error, or why the last start failed; bounded

	CPU      CPU
	Memory   Memory
	Pressure *Pressure   `json:",omitempty"` // control groups v2, where the kernel accounts it
	IO       []Device    `json:",omitempty"`
	Network  []Interface `json:",omitempty"`
	Pids     Pids
	Disk     Disk
	Rate     Rate
}

// Exit is how a run ended.
type Exit struct {
	Code      int
	OOMKilled bool `json:",omitempty"`
}

// CPU is processor time in nanoseconds, and what bounds it.
type CPU struct {
	Total, User, System       uint64
	Periods, ThrottledPeriods uint64
	Throttled                 uint64  // nanoseconds of all tasks
	Shares                    uint64  // weight as Docker counts it; 0: the default, 1024
	Quota, Period             int64   // microseconds; Quota 0: none
	Limit                     float64 // processors that it may use; 0: all
}

// Memory is in bytes, but for the counters at its end.
type Memory struct {
	Usage      uint64 // with the page cache
	WorkingSet uint64 // Usage without inactive files: what would be missed
	RSS        uint64 // anonymous
	Cache      uint64
	Mapped     uint64
	Kernel     uint64
	Swap       uint64
	Max        uint64 // highest Usage
	Limit      uint64 // 0: none
	SwapLimit  uint64 // memory and swap together; 0: none
	Reserved   uint64 // soft limit; 0: none

	Failures    uint64 // attempts that met the limit
	OOMKills    uint64
	Faults      uint64
	MajorFaults uint64
}

// Pressure is how long tasks waited for a resource (Documentation/accounting/psi.rst).
type Pressure struct{ CPU, Memory, IO Stall }

// Stall is the time in which some tasks, or all, stood still.
type Stall struct {
	Some, Full               uint64  // microseconds, a counter
	SomePercent, FullPercent float64 // of the last 10 seconds
}

// Device is what went to and from a block device.
type Device struct {
	Major, Minor            uint64
	Name                    string `json:",omitempty"` // as in /dev
	ReadBytes, WrittenBytes uint64
	Reads, Writes           uint64
}

// Interface is what went through a network interface, seen from inside of the container.
type Interface struct {
	Name                                    string
	RxBytes, RxPackets, RxErrors, RxDropped uint64
	TxBytes, TxPackets, TxErrors, TxDropped uint64
}

// Pids is the number of tasks.
type Pids struct {
	Current uint64
	Limit   uint64 // 0: none
}

// Disk is what the files of a container take, in bytes, as of the last count.
type Disk struct {
	Writable int64 // its layer; -1: not counted yet
	Log      int64
	Inodes   int64  `json:",omitempty"`
	Device   string `json:",omitempty"` // of its layer, as in /dev or as mounted
}

// Rate is what was used since the measurement before, by time.
type Rate struct {
	CPU                   float64 // processors: 1.5 is one and a half
	Throttled             float64 // share of periods in which it was held back, 0 to 1
	Rx, Tx, Read, Written float64 // bytes a second
}

// Host is the machine.
type Host struct {
	Name     string // of the host
	Kernel   string
	Version  string // of box; empty where another daemon answers
	Driver   string // storage driver
	Root     string // data root
	Cgroup   string // 1 or 2
	Booted   time.Time
	Started  time.Time // the daemon
	CPUs     int
	Load     [3]float64
	Mode     CPUModes
	Memory   HostMemory
	Pressure *Pressure    `json:",omitempty"`
	Devices  []Device     `json:",omitempty"`
	Files    []FileSystem `json:",omitempty"`
	Network  []Interface  `json:",omitempty"`
	Heat     []Heat       `json:",omitempty"`
	Daemon   Daemon
	Clock    string    `json:",omitempty"` // what is wrong with the clock
	CertEnds time.Time // of the daemon's certificate; zero: it has none
	Rate     HostRate
	Warnings []string `json:",omitempty"`
}

// CPUModes is the time of all processors by what they did, in nanoseconds (proc_stat(5)).
type CPUModes struct{ User, Nice, System, Idle, IOWait, IRQ, SoftIRQ, Steal uint64 }

// HostMemory is in bytes (proc_meminfo(5)).
type HostMemory struct {
	Total, Free, Available, Cached, Buffers, SwapTotal, SwapFree uint64
	OOMKills                                                     uint64 // since the boot (proc_vmstat)
}

// FileSystem is a mounted one that is on a device, or holds the daemon's data.
type FileSystem struct {
	Path                   string
	Device                 string
	Type                   string
	Total, Free, Available uint64 // bytes
	Inodes, FreeInodes     uint64
	Data                   bool    `json:",omitempty"` // the data root is on it
	Growth                 float64 // bytes a second, over the last minutes; negative: it shrinks
}

// Heat is a temperature in degrees Celsius.
type Heat struct {
	Name    string
	Celsius float64
}

// Daemon is what the daemon itself takes.
type Daemon struct {
	Memory       uint64 // proportional set size of daemon and keeper, in bytes
	Images       int
	ImageBytes   int64
	Volumes      int
	Networks     int
	HistoryBytes int64

	Timings              []Timing `json:",omitempty"` // since it was started, as the numbers below
	Checks, ChecksFailed uint64   // health checks
	Events               uint64
	Subscribers          int // to events
}

// Timing is how often an action was done and how long that took.
type Timing struct {
	Noun, Action string // such as container and create
	Count        uint64
	Seconds      float64  // in all
	Within       []uint64 // how many took at most each of TimingBounds
}

// TimingBounds are seconds.
var TimingBounds = [...]float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

// HostRate is what the host used since the measurement before, by time.
type HostRate struct {
	CPU                   float64 // processors in use
	IOWait                float64 // processors that waited
	Rx, Tx, Read, Written float64 // bytes a second
}

// Columns of the history of a container and of the host: what Query returns for each moment, in this order. A maximum
// is that of the moments which a coarser one was made from, all others are means.
var (
	ContainerColumns = []Column{
		{"cpu", false}, {"cpu_max", true}, {"throttled", false}, {"memory", false}, {"memory_max", true},
		{"rx", false}, {"tx", false}, {"read", false}, {"written", false}, {"pids", false}, {"disk", false},
	}
	HostColumns = []Column{
		{"cpu", false}, {"cpu_max", true}, {"iowait", false}, {"load", false}, {"memory", false}, {"memory_max", true},
		{"swap", false}, {"rx", false}, {"tx", false}, {"read", false}, {"written", false}, {"disk", false},
		{"inodes", false}, {"heat", true},
	}
)

// Column is one quantity of a history. Units are those of Rate: processors, bytes, bytes a second; throttled is a
// share, disk the bytes in use (of the host: of the data root's file system), heat degrees.
type Column struct {
	Name string
	Max  bool
}

// History is a span of the past. Values has a row for each of Columns, and in it a value for each moment: At, At+Step
// and so on. A moment without a measurement is null.
type History struct {
	Series  string // "host", or the ID of a container
	At      time.Time
	Step    float64 // seconds
	Columns []string
	Values  [][]*float64
}
