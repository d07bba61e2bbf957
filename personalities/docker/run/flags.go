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
	Platform            string   `help:"Platform, if the daemon supports several"`
	Pull                string   `default:"missing" help:"Pull the image first: always, missing or never"`
	Quiet               bool     `short:"q" help:"Do not show the progress of a pull"`
	CIDFile             string   `name:"cidfile" help:"Write the ID of the container to this file"`
	Attach              []string `short:"a" type:"stream" help:"Attach to stdin, stdout or stderr"`
	Interactive         bool     `short:"i" help:"Keep standard input open"`
	TTY                 bool     `short:"t" help:"Allocate a terminal"`
	Rm                  bool     `help:"Remove the container and its anonymous volumes when it exits"`
	Init                bool     `help:"Run an init that forwards signals and reaps processes"`
	Hostname            string   `short:"h" help:"Host name of the container"`
	Domainname          string   `help:"NIS domain name of the container"`
	User                string   `short:"u" help:"User and group: name or ID[:group]"`
	Workdir             string   `short:"w" help:"Working directory in the container"`
	Entrypoint          *string  `help:"Replace the image's entry point"`
	Env                 []string `short:"e" type:"variable" help:"Set an environment variable: NAME=VALUE, or NAME for the client's value"`
	EnvFile             []string `help:"Read environment variables from a file"`
	Label               []string `short:"l" type:"label" help:"Set a label: KEY[=VALUE]"`
	LabelFile           []string `help:"Read labels from a file, one on each line"`
	Annotation          []string `placeholder:"map" help:"Pass an annotation to the runtime: KEY=VALUE"`
	StopSignal          string   `help:"Signal that asks the container to stop"`
	StopTimeout         int      `help:"Seconds between that signal and SIGKILL"`
	Restart             string   `default:"no" help:"Restart policy: no, on-failure[:N], unless-stopped or always"`
	LogDriver           string   `help:"Log driver"`
	LogOpt              []string `help:"Option of the log driver: KEY=VALUE"`
	Runtime             string   `help:"Runtime that starts the container"`
	DisableContentTrust bool     `default:"true" help:"Do not check signatures of images"`
	UseAPISocket        bool     `help:"Mount the daemon's socket in the container"`
}

// ResourceFlags are the limits that `docker update` has, too.
type ResourceFlags struct {
	Memory            ByteSize `short:"m" help:"Memory limit: 512m, 2g"`
	MemoryReservation ByteSize `help:"Memory soft limit, for when the host runs short of memory"`
	MemorySwap        swapSize `help:"Limit of memory plus swap; -1: unlimited swap"`
	CPUs              nanoCPUs `name:"cpus" placeholder:"decimal" help:"Number of CPUs: 1.5"`
	CPUShares         int64    `short:"c" help:"CPU weight relative to other containers"`
	CPUPeriod         int64    `help:"Period of the CPU limit in microseconds"`
	CPUQuota          int64    `help:"CPU time in each period in microseconds"`
	CPURtPeriod       int64    `help:"Period of the realtime limit in microseconds"`
	CPURtRuntime      int64    `help:"Realtime CPU time in each period in microseconds"`
	CpusetCPUs        string   `name:"cpuset-cpus" help:"CPUs to use: 0-3, 0,1"`
	CpusetMems        string   `help:"Memory nodes to use: 0-3, 0,1"`
	PidsLimit         int64    `help:"Maximum number of processes; -1: unlimited"`
	BlkioWeight       uint16   `help:"Block I/O weight, 10 to 1000"`
}

// limitFlags are about resources of the host.
type limitFlags struct {
	ResourceFlags
	MemorySwappiness  int64    `default:"-1" help:"Swappiness, 0 to 100"`
	KernelMemory      ByteSize `help:"Kernel memory limit (no longer has an effect)"`
	OOMKillDisable    bool     `help:"Suspend processes instead of killing one when memory runs out"`
	OOMScoreAdj       int      `help:"OOM score adjustment, -1000 to 1000"`
	BlkioWeightDevice []string `type:"weight" help:"Block I/O weight for a device: PATH:WEIGHT"`
	DeviceReadBps     []string `type:"byte-rate" help:"Limit of bytes read per second: PATH:RATE"`
	DeviceWriteBps    []string `type:"byte-rate" help:"Limit of bytes written per second: PATH:RATE"`
	DeviceReadIOps    []string `name:"device-read-iops" type:"count-rate" help:"Limit of reads per second: PATH:RATE"`
	DeviceWriteIOps   []string `name:"device-write-iops" type:"count-rate" help:"Limit of writes per second: PATH:RATE"`
	CgroupParent      string   `help:"Parent cgroup of the container"`
	Device            []string `type:"device" help:"Add a device of the host: PATH[:INSIDE[:rwm]]"`
	DeviceCgroupRule  []string `type:"device-rule" help:"Allow devices by rule: 'c 1:3 rwm'"`
	CPUCount          ByteSize `placeholder:"int" hidden:"" help:"CPU count (Windows)"`
	CPUPercent        ByteSize `placeholder:"int" hidden:"" help:"CPU percent (Windows)"`
	IoMaxbandwidth    ByteSize `hidden:"" help:"Limit of bytes per second of the system drive (Windows)"`
	IoMaxiops         uint64   `hidden:"" help:"Limit of operations per second of the system drive (Windows)"`
}

// networkFlags are about networks, ports and names.
type networkFlags struct {
	Publish      []string `short:"p" help:"Publish a port: [IP:][HOST:]CONTAINER[/PROTO]"`
	PublishAll   bool     `short:"P" help:"Publish all exposed ports on free ports"`
	Expose       []string `help:"Expose a port or a range of ports"`
	Network      []string `aliases:"net" placeholder:"network" help:"Network to join, or host, none or container:NAME"`
	NetworkAlias []string `aliases:"net-alias" help:"Additional name on the network"`
	Link         []string `help:"Link to another container: NAME[:ALIAS]"`
	LinkLocalIP  []string `help:"Link-local address to add"`
	IP           string   `help:"IPv4 address"`
	IP6          string   `name:"ip6" help:"IPv6 address"`
	MACAddress   string   `help:"MAC address"`
	DNS          []string `type:"name-server" help:"DNS server"`
	DNSOption    []string `aliases:"dns-opt" help:"DNS option"`
	DNSSearch    []string `help:"DNS search domain"`
	AddHost      []string `type:"host" help:"Line for /etc/hosts: NAME:ADDRESS or NAME=ADDRESS"`
}

// storageFlags are about files and mounts.
type storageFlags struct {
	Volume       []string `short:"v" help:"Mount a volume or folder: [SOURCE:]TARGET[:OPTIONS]"`
	Mount        []string `type:"mount" placeholder:"mount" help:"Mount: type=bind|volume|tmpfs,src=...,dst=...,..."`
	Tmpfs        []string `help:"Mount a tmpfs: TARGET[:OPTIONS]"`
	VolumesFrom  []string `help:"Mount the volumes of another container"`
	VolumeDriver string   `help:"Driver for new volumes"`
	ReadOnly     bool     `help:"Mount the root file system read-only"`
	ShmSize      ByteSize `help:"Size of /dev/shm"`
	StorageOpt   []string `help:"Option of the storage driver: KEY=VALUE"`
}

// healthFlags replace the health check of the image.
type healthFlags struct {
	HealthCmd           string        `help:"Command that checks the health of the container"`
	HealthInterval      time.Duration `help:"Time between checks"`
	HealthTimeout       time.Duration `help:"Time limit for a check"`
	HealthStartPeriod   time.Duration `help:"Time for startup, in which failures do not count"`
	HealthStartInterval time.Duration `help:"Time between checks during startup"`
	HealthRetries       int           `help:"Consecutive failures that mean unhealthy"`
	NoHealthcheck       bool          `help:"Disable the health check of the image"`
}

// isolationFlags are about privileges and namespaces.
type isolationFlags struct {
	Privileged  bool     `help:"Give the container all capabilities and devices"`
	CapAdd      []string `help:"Add a capability"`
	CapDrop     []string `help:"Drop a capability"`
	SecurityOpt []string `help:"seccomp=FILE, apparmor=NAME, label=..., no-new-privileges"`
	GroupAdd    []string `help:"Add a group to the program's groups"`
	Sysctl      []string `type:"sysctl" placeholder:"map" help:"Set a kernel parameter in the container"`
	Ulimit      []string `type:"ulimit" placeholder:"ulimit" help:"Set a limit: NAME=SOFT[:HARD]"`
	PID         string   `help:"Process namespace: host or container:NAME"`
	IPC         string   `help:"IPC namespace: private, shareable, host, none, container:NAME"`
	UTS         string   `help:"UTS namespace: host"`
	Userns      string   `help:"User namespace: host"`
	Cgroupns    string   `help:"Cgroup namespace: host or private"`
	Isolation   string   `hidden:"" help:"Isolation (Windows)"`
	Gpus        gpuSpec  `placeholder:"gpu-request" help:"Add GPUs: all, or a number"`
}
