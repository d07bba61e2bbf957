package dockerd

import (
	"strings"

	"box/engine/task"
	"box/fs/drivers"
	"box/personalities/cmd"
)

// setting is one option: a flag, a key of daemon.json, or both. One without a value is the heading of those after it.
type setting struct {
	value  any    // see cmd.Flag
	name   string // of the flag, "" for a key alone
	short  string
	key    string // in daemon.json, "" for a flag alone
	word   string // that stands for the value in help
	help   string
	kind   kind // of the key's value
	hidden bool
}

// kind is what a value of daemon.json has to be.
type kind int

// The kinds. One that is not said is that of the field.
const (
	byField kind = iota
	aString
	aBool
	aNumber
	aList       // of strings, or of objects of strings
	anObject    // of strings, or of objects
	listOrOne   // a list or a string
	stringOrInt // of bytes
)

// flag is a setting as the command line has it.
func (s *setting) flag() cmd.Flag {
	f := cmd.Flag{Value: s.value, Name: s.name, Short: s.short, Kind: s.word, Help: s.help, Hidden: s.hidden}
	if s.kind == aBool {
		f.Bare = "true"
	}
	return f
}

// table is every option, in the groups of the help. It is one literal: what is computed for each row costs more than the rows.
func (o *options) table() []setting {
	list := []setting{
		{help: "Daemon"},
		{value: &o.hosts, name: "host", short: "H", key: "hosts", word: "list", help: "Daemon socket(s) to connect to: unix:///path, tcp://host:port (2375, with TLS 2376), fd://"},
		{value: &o.group, name: "group", short: "G", key: "group", word: "string", help: "Group for the unix socket"},
		{value: &o.configFile, name: "config-file", word: "string", help: "Daemon configuration file"},
		{value: &o.optsFile, name: "opts-file", word: "file", help: "Read further options from DOCKER_OPTS in this file, as /etc/default/docker; none where it is not there"},
		{value: &o.validate, name: "validate", help: "Validate daemon configuration and exit"},
		{value: &o.recover, name: "recover", help: "Make the state file again that is damaged or lost, from its copy and from what is on the disk, and exit"},
		{value: &o.detach, name: "detach", help: "Go on in the background; return when the API answers"},
		{value: &o.execRoot, name: "exec-root", key: "exec-root", word: "string", help: "Root directory for execution state files"},
		{value: &o.pidfile, name: "pidfile", short: "p", key: "pidfile", word: "string", help: "Path to use for daemon PID file"},
		{value: &o.live, name: "live-restore", key: "live-restore", help: "Enable live restore of docker when containers are still running"},
		{value: &o.shutdown, name: "shutdown-timeout", key: "shutdown-timeout", word: "int", help: "Set the default shutdown timeout (seconds); -1: as long as it takes"},
		{value: &o.labels, name: "label", key: "labels", word: "list", kind: aList, help: "Set key=value labels to the daemon"},
		{value: &o.experimental, name: "experimental", key: "experimental", help: "Say that this daemon is experimental"},
		{value: &o.oomScore, name: "oom-score-adjust", key: "oom-score-adjust", word: "int", help: "Set the oom_score_adj for the daemon"},
		{value: &o.noRestarts, name: "restart", short: "r", kind: aBool, hidden: true, help: "Start containers as their restart policies say (deprecated)"},
		{value: &o.showVersion, name: "version", short: "v", help: "Print version information and quit"},
		{help: "Log of the daemon"},
		{value: &o.debug, name: "debug", short: "D", key: "debug", help: "Enable debug mode: each request is logged, and /debug answers on the unix socket"},
		{value: &o.logLevel, name: "log-level", short: "l", key: "log-level", word: "string", help: `Set the logging level ("debug"|"info"|"warn"|"error"|"fatal")`},
		{value: &o.logFormat, name: "log-format", key: "log-format", word: "string", help: `Set the logging format ("text"|"json")`},
		{value: &o.rawLogs, name: "raw-logs", key: "raw-logs", help: "Full timestamps without ANSI coloring, which the log always has"},
		{value: &o.logFile, name: "log-file", word: "file", help: "Write the daemon's own log to this file, 1 MB at most, and keep the one before as FILE.1"},
		{help: "Remote access"},
		{value: &o.remote.tls, name: "tls", key: "tls", help: "Use TLS on tcp sockets; implied by --tlsverify. --tls=false says that plain tcp is meant"},
		{value: &o.remote.verify, name: "tlsverify", key: "tlsverify", help: "Use TLS and let only clients in whose certificate --tlscacert has signed"},
		{value: &o.remote.ca, name: "tlscacert", key: "tlscacert", word: "string", help: "Trust certs signed only by this CA; its crl.pem beside it lists revoked ones (default ~/.docker/ca.pem)"},
		{value: &o.remote.cert, name: "tlscert", key: "tlscert", word: "string", help: "Path to TLS certificate file (default ~/.docker/server-cert.pem, else cert.pem)"},
		{value: &o.remote.key, name: "tlskey", key: "tlskey", word: "string", help: "Path to TLS key file (default ~/.docker/server-key.pem, else key.pem)"},
		{value: &o.remote.refusePlain, name: "refuse-plain-tcp", key: "refuse-plain-tcp", help: "Do not start with a tcp socket that lets everybody in"},
		{value: &o.plugins, name: "authorization-plugin", key: "authorization-plugins", word: "list", help: "Authorization plugins to load"},
		{value: &o.policy, name: "authorization-policy", key: "authorization-policy", word: "file", help: "File that says which names of client certificates may only read (read NAME) and which may do all (all NAME)"},
		{help: "Storage"},
		{value: &o.dataRoot, name: "data-root", key: "data-root", word: "string", help: "Root directory of persistent state"},
		{value: &o.graph, name: "graph", short: "g", key: "graph", word: "string", hidden: true, help: "Old name of --data-root"},
		{value: &o.driver, name: "storage-driver", short: "s", key: "storage-driver", word: "string", help: "Storage driver to use: " + strings.Join(drivers.Names(), ", ")},
		{value: &o.driverOptions, name: "storage-opt", key: "storage-opts", word: "list", help: "Storage driver options"},
		{help: "Network"},
		{value: &o.bridge, name: "bridge", short: "b", key: "bridge", word: "string", help: `Attach containers to a network bridge; "none" for no default network`},
		{value: &o.bip, name: "bip", key: "bip", word: "string", help: "IPv4 address for the default bridge"},
		{value: &o.fixedCIDR, name: "fixed-cidr", key: "fixed-cidr", word: "string", help: "IPv4 subnet for the default bridge network"},
		{value: &o.pools, name: "default-address-pool", key: "default-address-pools", word: "pool-options", kind: aList, help: "Default address pools for networks: base=CIDR,size=BITS"},
		{value: &o.gateway, name: "default-gateway", key: "default-gateway", word: "ip", help: "Default gateway IPv4 address for the default bridge network"},
		{value: &o.mtu, name: "mtu", key: "mtu", word: "int", help: "Set the MTU for the default bridge network"},
		{value: &o.publish, name: "ip", key: "ip", word: "ip", help: "Host IP for port publishing from the default bridge network (default 0.0.0.0)"},
		{value: &o.hostGateway, name: "host-gateway-ip", key: "host-gateway-ips", word: "list", kind: listOrOne, help: "IP address that 'host-gateway' in --add-host resolves to. Defaults to the address of the default bridge"},
		{value: &o.hostGateway, key: "host-gateway-ip", kind: aString},
		{value: &o.apart, name: "icc", key: "icc", kind: aBool, help: "Enable inter-container communication for the default bridge network (default true)"},
		{value: &o.noMasq, name: "ip-masq", key: "ip-masq", kind: aBool, help: "Enable IP masquerading for the default bridge network (default true)"},
		{value: &o.noForward, name: "ip-forward", key: "ip-forward", kind: aBool, help: "Enable IP forwarding in the system (default true)"},
		{value: &o.noRules, name: "iptables", key: "iptables", kind: aBool, help: "Make firewall rules; without, containers have no way out and a process forwards published ports (default true)"},
		{value: &o.resolvConf, key: "resolv-conf"},
		{value: &o.httpProxy, name: "http-proxy", key: "http-proxy", word: "string", help: "HTTP proxy URL to use for outgoing traffic"},
		{value: &o.httpsProxy, name: "https-proxy", key: "https-proxy", word: "string", help: "HTTPS proxy URL to use for outgoing traffic"},
		{value: &o.noProxy, name: "no-proxy", key: "no-proxy", word: "string", help: "Comma-separated list of hosts or IP addresses for which the proxy is skipped"},
		{help: "Containers"},
		{value: &o.logDriver, name: "log-driver", key: "log-driver", word: "string", help: "Default driver for container logs"},
		{value: &o.logOptions, name: "log-opt", key: "log-opts", word: "map", kind: anObject, help: "Default log driver options for containers: KEY=VALUE"},
		{value: &o.cgroupParent, name: "cgroup-parent", key: "cgroup-parent", word: "string", help: "Set parent cgroup for all containers"},
		{value: &o.cgroupns, name: "default-cgroupns-mode", key: "default-cgroupns-mode", word: "string", help: `Default mode for containers cgroup namespace ("host" | "private")`},
		{value: &o.ipc, name: "default-ipc-mode", key: "default-ipc-mode", word: "string", help: `Default mode for containers ipc ("shareable" | "private") (default "private")`},
		{value: &o.runtime, name: "default-runtime", key: "default-runtime", word: "string", help: "Default runtime for containers (" + strings.Join(task.Runtimes(), ", ") + `) (default "box")`},
		{value: &o.shm, name: "default-shm-size", key: "default-shm-size", word: "bytes", kind: stringOrInt, help: "Default shm size for containers (default 64MiB)"},
		{value: &o.stopTimeout, name: "default-stop-timeout", key: "default-stop-timeout", word: "int", help: "Default stop timeout for containers, seconds (default 10)"},
		{value: &o.ulimits, name: "default-ulimit", key: "default-ulimits", word: "ulimit", kind: anObject, help: "Default ulimits for containers"},
		{value: &o.dns, name: "dns", key: "dns", word: "list", kind: aList, help: "DNS server to use"},
		{value: &o.dnsOptions, name: "dns-opt", key: "dns-opts", word: "list", help: "DNS options to use"},
		{value: &o.dnsSearch, name: "dns-search", key: "dns-search", word: "list", help: "DNS search domains to use"},
		{value: &o.init, name: "init", key: "init", help: "Run an init in the container to forward signals and reap processes"},
		{value: &o.initPath, name: "init-path", key: "init-path", word: "string", help: "Path of another init than box itself"},
		{value: &o.noNewPriv, name: "no-new-privileges", key: "no-new-privileges", help: "Set no-new-privileges by default for new containers"},
		{value: &o.seccomp, name: "seccomp-profile", key: "seccomp-profile", word: "string", help: `Path to seccomp profile. Set to "unconfined" to disable the default seccomp profile`},
		{value: &o.usernsRemap, name: "userns-remap", key: "userns-remap", word: "string", help: "User/Group setting for user namespaces: default, user[:group], uid[:gid]"},
		{help: "Registries"},
		{value: &o.insecure, name: "insecure-registry", key: "insecure-registries", word: "list", help: "Registry that may lack TLS, or a certificate to trust: host[:port] or network"},
		{value: &o.mirrors, name: "registry-mirror", key: "registry-mirrors", word: "list", help: "Preferred registry mirror of Docker Hub, a URL"},
		{value: &o.downloads, name: "max-concurrent-downloads", key: "max-concurrent-downloads", word: "int", help: "Set the max concurrent downloads"},
		{value: &o.attempts, name: "max-download-attempts", key: "max-download-attempts", word: "int", help: "Set the max download attempts for each pull"},
		{value: &o.uploads, name: "max-concurrent-uploads", key: "max-concurrent-uploads", word: "int", help: "Set the max concurrent uploads"},
	}
	return append(list, o.foreignTable()...)
}
