package docker

import (
	"time"

	"github.com/docker/go-units"

	"box/personalities/cmd"
)

// createFlags are the flags that `docker run` and `docker create` share: how a container is made.
type createFlags struct {
	name, platform, pull, cidFile                  string
	quiet, useAPISocket                            bool
	attach                                         []string
	stdin, tty, rm, init, privileged, readOnly     bool
	hostname, domain, user, workdir                string
	entrypoint                                     *string
	env, envFiles, labels, labelFiles, annotations []string
	stopSignal                                     string
	stopTimeout                                    int

	publish, expose                            []string
	publishAll                                 bool
	networks, aliases, links, linkLocal        []string
	ip, ip6, mac                               string
	dns, dnsOptions, dnsSearch, hosts          []string
	volumes, mounts, tmpfs, volumesFrom        []string
	volumeDriver, restart, logDriver, runtime  string
	logOptions, storageOptions, securityOpt    []string
	capAdd, capDrop, groups, sysctls, ulimits  []string
	pid, ipc, uts, userns, cgroupns, isolation string
	shm                                        byteSize
	disableTrust                               bool
	gpus                                       gpuSpec

	limits limitFlags
	health healthFlags
}

// limitFlags say how much of the host a container may use.
type limitFlags struct {
	memory, reservation, kernel               byteSize
	swap                                      swapSize
	swappiness                                int64
	oomDisable                                bool
	oomScore                                  int
	cpus                                      nanoCPUs
	shares, period, quota, rtPeriod, rtQuota  int64
	cpusetCPUs, cpusetMems                    string
	pids                                      int64
	blkioWeight                               uint16
	blkioDevices                              []string
	readBps, writeBps, readIOps, writeIOps    []string
	cgroupParent                              string
	devices, deviceRules                      []string
	windowsCPUs, windowsPercent, windowsIOBps byteSize
	windowsIOps                               uint64
}

// healthFlags replace the image's health check.
type healthFlags struct {
	command                                       string
	interval, timeout, startPeriod, startInterval time.Duration
	retries                                       int
	none                                          bool
}

func newCreateFlags() *createFlags {
	return &createFlags{pull: "missing", restart: "no", disableTrust: true, limits: limitFlags{swappiness: -1}}
}

// flags is the table of them all.
func (c *createFlags) flags() []cmd.Flag {
	var all []cmd.Flag
	for _, part := range [][]cmd.Flag{c.processFlags(), c.limits.flags(), c.networkFlags(), c.storageFlags(), c.health.flags(), c.isolationFlags()} {
		all = append(all, part...)
	}
	return sorted(all)
}

func (c *createFlags) processFlags() []cmd.Flag {
	return []cmd.Flag{
		{Value: &c.name, Name: "name", Help: "Name of the container"},
		{Value: &c.platform, Name: "platform", Help: "Platform, when the daemon can run several"},
		{Value: &c.pull, Name: "pull", Help: "Pull the image before: always, missing or never"},
		{Value: &c.quiet, Name: "quiet", Short: "q", Help: "No output while pulling"},
		{Value: &c.cidFile, Name: "cidfile", Help: "Write the container's ID to this file"},
		{Value: checkedList{&c.attach, checkStream}, Name: "attach", Short: "a", Kind: "list", Help: "Attach to stdin, stdout or stderr"},
		{Value: &c.stdin, Name: "interactive", Short: "i", Help: "Keep standard input open"},
		{Value: &c.tty, Name: "tty", Short: "t", Help: "Give the program a terminal"},
		{Value: &c.rm, Name: "rm", Help: "Remove the container and its anonymous volumes when it ends"},
		{Value: &c.init, Name: "init", Help: "Run an init that passes signals and reaps processes"},
		{Value: &c.hostname, Name: "hostname", Short: "h", Help: "Host name inside"},
		{Value: &c.domain, Name: "domainname", Help: "NIS domain name inside"},
		{Value: &c.user, Name: "user", Short: "u", Help: "User, or UID, and group: name[:group]"},
		{Value: &c.workdir, Name: "workdir", Short: "w", Help: "Working directory inside"},
		{Value: &c.entrypoint, Name: "entrypoint", Help: "Replace the image's entry point"},
		{Value: checkedList{&c.env, checkVariable}, Name: "env", Short: "e", Kind: "list", Help: "Set a variable: NAME=VALUE, or NAME to pass yours on"},
		{Value: &c.envFiles, Name: "env-file", Help: "Read variables from a file"},
		{Value: checkedList{&c.labels, checkLabel}, Name: "label", Short: "l", Kind: "list", Help: "Put a label on the container: KEY[=VALUE]"},
		{Value: &c.labelFiles, Name: "label-file", Help: "Read labels from a file, one a line"},
		{Value: &c.annotations, Name: "annotation", Kind: "map", Help: "Pass an annotation to the runtime: KEY=VALUE"},
		{Value: &c.stopSignal, Name: "stop-signal", Help: "Signal that asks the program to end"},
		{Value: &c.stopTimeout, Name: "stop-timeout", Help: "Seconds between that signal and SIGKILL"},
		{Value: &c.restart, Name: "restart", Help: "When it ends: no, on-failure[:N], unless-stopped or always"},
		{Value: &c.logDriver, Name: "log-driver", Help: "Where the output goes"},
		{Value: &c.logOptions, Name: "log-opt", Help: "Option of the log driver: KEY=VALUE"},
		{Value: &c.runtime, Name: "runtime", Help: "Runtime to use"},
		{Value: &c.disableTrust, Name: "disable-content-trust", Help: "Skip the check of image signatures"},
		{Value: &c.useAPISocket, Name: "use-api-socket", Help: "Give the container the daemon's socket and your credentials"},
	}
}

func (l *limitFlags) flags() []cmd.Flag {
	return []cmd.Flag{
		{Value: &l.memory, Name: "memory", Short: "m", Help: "Most memory: 512m, 2g"},
		{Value: &l.reservation, Name: "memory-reservation", Help: "Memory that is kept when the host runs short"},
		{Value: &l.swap, Name: "memory-swap", Help: "Most memory and swap together; -1: no limit on swap"},
		{Value: &l.swappiness, Name: "memory-swappiness", Help: "Readiness to swap, 0 to 100"},
		{Value: &l.kernel, Name: "kernel-memory", Help: "Most kernel memory (of no effect today)"},
		{Value: &l.oomDisable, Name: "oom-kill-disable", Help: "Stop instead of killing when memory runs out"},
		{Value: &l.oomScore, Name: "oom-score-adj", Help: "Readiness to be killed, -1000 to 1000"},
		{Value: &l.cpus, Name: "cpus", Kind: "decimal", Help: "Most CPUs: 1.5"},
		{Value: &l.shares, Name: "cpu-shares", Short: "c", Help: "Weight among containers that want the CPU"},
		{Value: &l.period, Name: "cpu-period", Help: "Period of the CPU limit in microseconds"},
		{Value: &l.quota, Name: "cpu-quota", Help: "CPU time in one period in microseconds"},
		{Value: &l.rtPeriod, Name: "cpu-rt-period", Help: "Period of the realtime limit in microseconds"},
		{Value: &l.rtQuota, Name: "cpu-rt-runtime", Help: "Realtime in one period in microseconds"},
		{Value: &l.cpusetCPUs, Name: "cpuset-cpus", Help: "CPUs it may run on: 0-3, 0,1"},
		{Value: &l.cpusetMems, Name: "cpuset-mems", Help: "Memory nodes it may use: 0-3, 0,1"},
		{Value: &l.pids, Name: "pids-limit", Help: "Most processes; -1: no limit"},
		{Value: &l.blkioWeight, Name: "blkio-weight", Help: "Weight for block devices, 10 to 1000"},
		{Value: checked(&l.blkioDevices, weightDevice), Name: "blkio-weight-device", Kind: "list", Help: "Weight for one device: PATH:WEIGHT"},
		{Value: checked(&l.readBps, byteRate), Name: "device-read-bps", Kind: "list", Help: "Most bytes a second read: PATH:RATE"},
		{Value: checked(&l.writeBps, byteRate), Name: "device-write-bps", Kind: "list", Help: "Most bytes a second written: PATH:RATE"},
		{Value: checked(&l.readIOps, countRate), Name: "device-read-iops", Kind: "list", Help: "Most reads a second: PATH:RATE"},
		{Value: checked(&l.writeIOps, countRate), Name: "device-write-iops", Kind: "list", Help: "Most writes a second: PATH:RATE"},
		{Value: &l.cgroupParent, Name: "cgroup-parent", Help: "Cgroup to make the container's in"},
		{Value: checked(&l.devices, deviceMapping), Name: "device", Kind: "list", Help: "Give it a device of the host: PATH[:INSIDE[:rwm]]"},
		{Value: checkedList{&l.deviceRules, checkDeviceRule}, Name: "device-cgroup-rule", Kind: "list", Help: "Allow devices by rule: 'c 1:3 rwm'"},
		{Value: &l.windowsCPUs, Name: "cpu-count", Kind: "int", Help: "CPU count (Windows)", Hidden: true},
		{Value: &l.windowsPercent, Name: "cpu-percent", Kind: "int", Help: "CPU percent (Windows)", Hidden: true},
		{Value: &l.windowsIOBps, Name: "io-maxbandwidth", Help: "Most bytes a second of the system drive (Windows)", Hidden: true},
		{Value: &l.windowsIOps, Name: "io-maxiops", Help: "Most operations a second of the system drive (Windows)", Hidden: true},
	}
}

func (c *createFlags) networkFlags() []cmd.Flag {
	return []cmd.Flag{
		{Value: &c.publish, Name: "publish", Short: "p", Help: "Publish a port: [IP:][HOST:]CONTAINER[/PROTO]"},
		{Value: &c.publishAll, Name: "publish-all", Short: "P", Help: "Publish every exposed port on a free one"},
		{Value: &c.expose, Name: "expose", Help: "Note that the program listens on a port"},
		{Value: &c.networks, Name: "network", Kind: "network", Help: "Network to join, or host, none, container:NAME"},
		{Value: &c.networks, Name: "net", Kind: "network", Help: "Same as --network", Hidden: true},
		{Value: &c.aliases, Name: "network-alias", Help: "Another name on that network"},
		{Value: &c.aliases, Name: "net-alias", Help: "Same as --network-alias", Hidden: true},
		{Value: &c.links, Name: "link", Help: "Know another container by name: NAME[:ALIAS]"},
		{Value: &c.linkLocal, Name: "link-local-ip", Help: "Link-local address to add"},
		{Value: &c.ip, Name: "ip", Help: "IPv4 address"},
		{Value: &c.ip6, Name: "ip6", Help: "IPv6 address"},
		{Value: &c.mac, Name: "mac-address", Help: "MAC address"},
		{Value: checked(&c.dns, nameServer), Name: "dns", Kind: "list", Help: "Name server to ask"},
		{Value: &c.dnsOptions, Name: "dns-option", Help: "Option of the resolver"},
		{Value: &c.dnsOptions, Name: "dns-opt", Help: "Same as --dns-option", Hidden: true},
		{Value: &c.dnsSearch, Name: "dns-search", Help: "Domain to search"},
		{Value: checked(&c.hosts, hostLine), Name: "add-host", Kind: "list", Help: "Line for /etc/hosts: NAME:ADDRESS or NAME=ADDRESS"},
	}
}

func (c *createFlags) storageFlags() []cmd.Flag {
	return []cmd.Flag{
		{Value: &c.volumes, Name: "volume", Short: "v", Help: "Mount a volume or folder: [SOURCE:]TARGET[:OPTIONS]"},
		{Value: checked(&c.mounts, mountSpec), Name: "mount", Kind: "mount", Help: "Mount: type=bind|volume|tmpfs,src=...,dst=...,..."},
		{Value: &c.tmpfs, Name: "tmpfs", Help: "Mount a file system in memory: TARGET[:OPTIONS]"},
		{Value: &c.volumesFrom, Name: "volumes-from", Help: "Mount what another container mounts"},
		{Value: &c.volumeDriver, Name: "volume-driver", Help: "Driver of volumes that are made"},
		{Value: &c.readOnly, Name: "read-only", Help: "The image's files cannot be changed"},
		{Value: &c.shm, Name: "shm-size", Help: "Size of /dev/shm"},
		{Value: &c.storageOptions, Name: "storage-opt", Help: "Option of the storage driver: KEY=VALUE"},
	}
}

func (h *healthFlags) flags() []cmd.Flag {
	return []cmd.Flag{
		{Value: &h.command, Name: "health-cmd", Help: "Command that checks the program's health"},
		{Value: &h.interval, Name: "health-interval", Help: "Time between checks"},
		{Value: &h.timeout, Name: "health-timeout", Help: "Longest time for one check"},
		{Value: &h.startPeriod, Name: "health-start-period", Help: "Time to start up, when failures do not count"},
		{Value: &h.startInterval, Name: "health-start-interval", Help: "Time between checks while starting up"},
		{Value: &h.retries, Name: "health-retries", Help: "Failures in a row that mean unhealthy"},
		{Value: &h.none, Name: "no-healthcheck", Help: "No health check, whatever the image says"},
	}
}

func (c *createFlags) isolationFlags() []cmd.Flag {
	return []cmd.Flag{
		{Value: &c.privileged, Name: "privileged", Help: "Lift the limits: every capability and device"},
		{Value: &c.capAdd, Name: "cap-add", Help: "Add a capability"},
		{Value: &c.capDrop, Name: "cap-drop", Help: "Take a capability away"},
		{Value: &c.securityOpt, Name: "security-opt", Help: "seccomp=FILE, apparmor=NAME, label=..., no-new-privileges"},
		{Value: &c.groups, Name: "group-add", Help: "Add a group"},
		{Value: checkedList{&c.sysctls, checkSysctl}, Name: "sysctl", Kind: "map", Help: "Set a kernel parameter of its namespaces"},
		{Value: checked(&c.ulimits, units.ParseUlimit), Name: "ulimit", Kind: "ulimit", Help: "Set a limit: NAME=SOFT[:HARD]"},
		{Value: &c.pid, Name: "pid", Help: "Process namespace: host or container:NAME"},
		{Value: &c.ipc, Name: "ipc", Help: "IPC namespace: private, shareable, host, none, container:NAME"},
		{Value: &c.uts, Name: "uts", Help: "Host name namespace: host"},
		{Value: &c.userns, Name: "userns", Help: "User namespace: host"},
		{Value: &c.cgroupns, Name: "cgroupns", Help: "Cgroup namespace: host or private"},
		{Value: &c.isolation, Name: "isolation", Help: "Isolation (Windows)", Hidden: true},
		{Value: &c.gpus, Name: "gpus", Kind: "gpu-request", Help: "Give it GPUs: all, or a number"},
	}
}
