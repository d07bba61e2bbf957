package run

import (
	"time"
)

// createFlags are the flags that `docker run` and `docker create` share.
type createFlags struct {
	processFlags
	limitFlags
	networkFlags
	storageFlags
	healthFlags
	isolationFlags
}

// processFlags are about the program and its end.
type processFlags struct {
	Name                string   `help:"Name of the container"`
	Platform            string   `help:"Platform, when the daemon can run several"`
	Pull                string   `default:"missing" help:"Pull the image before: always, missing or never"`
	Quiet               bool     `short:"q" help:"No output while pulling"`
	CIDFile             string   `name:"cidfile" help:"Write the container's ID to this file"`
	Attach              []string `short:"a" type:"stream" help:"Attach to stdin, stdout or stderr"`
	Interactive         bool     `short:"i" help:"Keep standard input open"`
	TTY                 bool     `short:"t" help:"Give the program a terminal"`
	Rm                  bool     `help:"Remove the container and its anonymous volumes when it ends"`
	Init                bool     `help:"Run an init that passes signals and reaps processes"`
	Hostname            string   `short:"h" help:"Host name inside"`
	Domainname          string   `help:"NIS domain name inside"`
	User                string   `short:"u" help:"User, or UID, and group: name[:group]"`
	Workdir             string   `short:"w" help:"Working directory inside"`
	Entrypoint          *string  `help:"Replace the image's entry point"`
	Env                 []string `short:"e" type:"variable" help:"Set a variable: NAME=VALUE, or NAME to pass yours on"`
	EnvFile             []string `help:"Read variables from a file"`
	Label               []string `short:"l" type:"label" help:"Put a label on the container: KEY[=VALUE]"`
	LabelFile           []string `help:"Read labels from a file, one a line"`
	Annotation          []string `placeholder:"map" help:"Pass an annotation to the runtime: KEY=VALUE"`
	StopSignal          string   `help:"Signal that asks the program to end"`
	StopTimeout         int      `help:"Seconds between that signal and SIGKILL"`
	Restart             string   `default:"no" help:"When it ends: no, on-failure[:N], unless-stopped or always"`
	LogDriver           string   `help:"Where the output goes"`
	LogOpt              []string `help:"Option of the log driver: KEY=VALUE"`
	Runtime             string   `help:"Runtime to use"`
	DisableContentTrust bool     `default:"true" help:"Skip the check of image signatures"`
	UseAPISocket        bool     `help:"Give the container the daemon's socket and your credentials"`
}

// ResourceFlags are the limits that `docker update` has, too.
type ResourceFlags struct {
	Memory            ByteSize `short:"m" help:"Most memory: 512m, 2g"`
	MemoryReservation ByteSize `help:"Memory that is kept when the host runs short"`
	MemorySwap        swapSize `help:"Most memory and swap together; -1: no limit on swap"`
	CPUs              nanoCPUs `name:"cpus" placeholder:"decimal" help:"Most CPUs: 1.5"`
	CPUShares         int64    `short:"c" help:"Weight among containers that want the CPU"`
	CPUPeriod         int64    `help:"Period of the CPU limit in microseconds"`
	CPUQuota          int64    `help:"CPU time in one period in microseconds"`
	CPURtPeriod       int64    `help:"Period of the realtime limit in microseconds"`
	CPURtRuntime      int64    `help:"Realtime in one period in microseconds"`
	CpusetCPUs        string   `name:"cpuset-cpus" help:"CPUs it may run on: 0-3, 0,1"`
	CpusetMems        string   `help:"Memory nodes it may use: 0-3, 0,1"`
	PidsLimit         int64    `help:"Most processes; -1: no limit"`
	BlkioWeight       uint16   `help:"Weight for block devices, 10 to 1000"`
}

// limitFlags are about resources of the host.
type limitFlags struct {
	ResourceFlags
	MemorySwappiness  int64    `default:"-1" help:"Readiness to swap, 0 to 100"`
	KernelMemory      ByteSize `help:"Most kernel memory (of no effect today)"`
	OOMKillDisable    bool     `help:"Stop instead of killing when memory runs out"`
	OOMScoreAdj       int      `help:"Readiness to be killed, -1000 to 1000"`
	BlkioWeightDevice []string `type:"weight" help:"Weight for one device: PATH:WEIGHT"`
	DeviceReadBps     []string `type:"byte-rate" help:"Most bytes a second read: PATH:RATE"`
	DeviceWriteBps    []string `type:"byte-rate" help:"Most bytes a second written: PATH:RATE"`
	DeviceReadIOps    []string `name:"device-read-iops" type:"count-rate" help:"Most reads a second: PATH:RATE"`
	DeviceWriteIOps   []string `name:"device-write-iops" type:"count-rate" help:"Most writes a second: PATH:RATE"`
	CgroupParent      string   `help:"Cgroup to make the container's in"`
	Device            []string `type:"device" help:"Give it a device of the host: PATH[:INSIDE[:rwm]]"`
	DeviceCgroupRule  []string `type:"device-rule" help:"Allow devices by rule: 'c 1:3 rwm'"`
	CPUCount          ByteSize `placeholder:"int" hidden:"" help:"CPU count (Windows)"`
	CPUPercent        ByteSize `placeholder:"int" hidden:"" help:"CPU percent (Windows)"`
	IoMaxbandwidth    ByteSize `hidden:"" help:"Most bytes a second of the system drive (Windows)"`
	IoMaxiops         uint64   `hidden:"" help:"Most operations a second of the system drive (Windows)"`
}

// networkFlags are about networks, ports and names.
type networkFlags struct {
	Publish      []string `short:"p" help:"Publish a port: [IP:][HOST:]CONTAINER[/PROTO]"`
	PublishAll   bool     `short:"P" help:"Publish every exposed port on a free one"`
	Expose       []string `help:"Note that the program listens on a port"`
	Network      []string `aliases:"net" placeholder:"network" help:"Network to join, or host, none, container:NAME"`
	NetworkAlias []string `aliases:"net-alias" help:"Another name on that network"`
	Link         []string `help:"Know another container by name: NAME[:ALIAS]"`
	LinkLocalIP  []string `help:"Link-local address to add"`
	IP           string   `help:"IPv4 address"`
	IP6          string   `name:"ip6" help:"IPv6 address"`
	MACAddress   string   `help:"MAC address"`
	DNS          []string `type:"name-server" help:"Name server to ask"`
	DNSOption    []string `aliases:"dns-opt" help:"Option of the resolver"`
	DNSSearch    []string `help:"Domain to search"`
	AddHost      []string `type:"host" help:"Line for /etc/hosts: NAME:ADDRESS or NAME=ADDRESS"`
}

// storageFlags are about files and mounts.
type storageFlags struct {
	Volume       []string `short:"v" help:"Mount a volume or folder: [SOURCE:]TARGET[:OPTIONS]"`
	Mount        []string `type:"mount" placeholder:"mount" help:"Mount: type=bind|volume|tmpfs,src=...,dst=...,..."`
	Tmpfs        []string `help:"Mount a file system in memory: TARGET[:OPTIONS]"`
	VolumesFrom  []string `help:"Mount what another container mounts"`
	VolumeDriver string   `help:"Driver of volumes that are made"`
	ReadOnly     bool     `help:"The image's files cannot be changed"`
	ShmSize      ByteSize `help:"Size of /dev/shm"`
	StorageOpt   []string `help:"Option of the storage driver: KEY=VALUE"`
}

// healthFlags replace the health check of the image.
type healthFlags struct {
	HealthCmd           string        `help:"Command that checks the program's health"`
	HealthInterval      time.Duration `help:"Time between checks"`
	HealthTimeout       time.Duration `help:"Longest time for one check"`
	HealthStartPeriod   time.Duration `help:"Time to start up, when failures do not count"`
	HealthStartInterval time.Duration `help:"Time between checks while starting up"`
	HealthRetries       int           `help:"Failures in a row that mean unhealthy"`
	NoHealthcheck       bool          `help:"No health check, whatever the image says"`
}

// isolationFlags are about privileges and namespaces.
type isolationFlags struct {
	Privileged  bool     `help:"Lift the limits: every capability and device"`
	CapAdd      []string `help:"Add a capability"`
	CapDrop     []string `help:"Take a capability away"`
	SecurityOpt []string `help:"seccomp=FILE, apparmor=NAME, label=..., no-new-privileges"`
	GroupAdd    []string `help:"Add a group"`
	Sysctl      []string `type:"sysctl" placeholder:"map" help:"Set a kernel parameter of its namespaces"`
	Ulimit      []string `type:"ulimit" placeholder:"ulimit" help:"Set a limit: NAME=SOFT[:HARD]"`
	PID         string   `help:"Process namespace: host or container:NAME"`
	IPC         string   `help:"IPC namespace: private, shareable, host, none, container:NAME"`
	UTS         string   `help:"Host name namespace: host"`
	Userns      string   `help:"User namespace: host"`
	Cgroupns    string   `help:"Cgroup namespace: host or private"`
	Isolation   string   `hidden:"" help:"Isolation (Windows)"`
	Gpus        gpuSpec  `placeholder:"gpu-request" help:"Give it GPUs: all, or a number"`
}
