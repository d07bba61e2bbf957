package config

import (
	"net/netip"
	"strings"

	"github.com/moby/moby/api/types/container"

	"box/engine"
	"box/engine/network/catalog"
	"box/engine/request"
	"box/personalities/top/push"
	"box/personalities/top/rules"
)

// Options are the options of the daemon, with Docker's names and defaults. A field is a flag, and the tag key names its
// key of daemon.json, with the accepted JSON types if they differ from that of the field. Fields with the tag keyonly
// have no flag.
type Options struct {
	daemonOptions    `group:"Daemon"`
	logOptions       `group:"Log of the daemon"`
	Remote           `group:"Remote access"`
	storageOptions   `group:"Storage"`
	networkOptions   `group:"Network"`
	containerOptions `group:"Containers"`
	registryOptions  `group:"Registries"`
	monitorOptions   `group:"Monitor"`
	refusedOptions
	unusedOptions

	Targets   []*push.Target `kong:"-"` // of Push
	Limits    rules.Rules    `kong:"-"` // of Rules
	LowestAPI string         `kong:"-"` // minimum version of the API, from the environment; "": default
	seccomp   string         // content of SeccompProfile
	Notes     []string       `kong:"-"` // notes to print at startup
}

// daemonOptions are about the daemon itself.
type daemonOptions struct {
	Hosts           []string `name:"host" short:"H" key:"hosts" help:"Daemon socket(s) to connect to: unix:///path, tcp://host:port (2375, with TLS 2376), fd://"`
	Group           string   `short:"G" key:"group" default:"docker" help:"Group for the unix socket"`
	ConfigFile      string   `default:"/etc/docker/daemon.json" help:"Daemon configuration file"`
	OptsFile        string   `placeholder:"file" help:"Read more options from DOCKER_OPTS in this file, such as /etc/default/docker, if it exists"`
	Validate        bool     `help:"Validate daemon configuration and exit"`
	Recover         bool     `help:"Rebuild a damaged or lost state file from its copy and from what is on the disk, and exit"`
	Detach          bool     `help:"Run in the background; return when the API is ready"`
	ExecRoot        string   `key:"exec-root" default:"/var/run/docker" help:"Root directory for execution state files"`
	Pidfile         string   `short:"p" key:"pidfile" default:"/var/run/docker.pid" help:"Path to use for daemon PID file"`
	LiveRestore     bool     `key:"live-restore" help:"Enable live restore of docker when containers are still running"`
	ShutdownTimeout int      `key:"shutdown-timeout" default:"15" help:"Set the default shutdown timeout (seconds); -1: unlimited"`
	Labels          labels   `name:"label" key:"labels" placeholder:"list" help:"Set key=value labels to the daemon"`
	Experimental    bool     `key:"experimental" help:"Report the daemon as experimental"`
	OOMScoreAdjust  int      `key:"oom-score-adjust" help:"Set the oom_score_adj for the daemon"`
	NoRestarts      inverse  `name:"restart" short:"r" hidden:"" help:"Restart containers by their restart policies (deprecated)"`
	Version         bool     `short:"v" help:"Print version information and quit"`
}

// logOptions are about the daemon's log.
type logOptions struct {
	Debug     bool   `short:"D" key:"debug" help:"Enable debug mode: each request is logged, and /debug answers on the unix socket"`
	LogLevel  string `short:"l" key:"log-level" default:"info" help:"Set the logging level (\"debug\"|\"info\"|\"warn\"|\"error\"|\"fatal\")"`
	LogFormat string `key:"log-format" default:"text" help:"Set the logging format (\"text\"|\"json\")"`
	RawLogs   bool   `key:"raw-logs" help:"Full timestamps without ANSI coloring, as the log always is"`
	LogFile   string `placeholder:"file" help:"Write the daemon's log to this file of at most 1 MB, and keep the previous one as FILE.1"`
}

// monitorOptions are about what the daemon tells of the host and its containers.
type monitorOptions struct {
	MetricsAddr string   `key:"metrics-addr" placeholder:"host:port" help:"Serve metrics for Prometheus there at /metrics, without TLS"`
	Monitor     string   `key:"monitor" placeholder:"[host][:port]" help:"Serve the monitor's page there (default port 8080), with the TLS of --tls"`
	Token       string   `name:"monitor-token" key:"monitor-token" placeholder:"file" help:"File with a token; who shows it on the page may act, as who shows a client certificate"`
	Insecure    bool     `name:"monitor-insecure" key:"monitor-insecure" help:"Serve the page to other hosts though there is no TLS"`
	Rules       string   `name:"monitor-rules" key:"monitor-rules" placeholder:"file" help:"Tell of what is wrong by the rules of this file (see box top --help), in the log, in the monitor and to its webhooks"`
	Push        []string `name:"monitor-push" key:"monitor-push" placeholder:"url" help:"Send what is measured to ${databases}"`
}

// storageOptions are about the storage of images and containers.
type storageOptions struct {
	DataRoot      string   `key:"data-root" default:"${dataRoot}" help:"Root directory of persistent state"`
	Graph         string   `short:"g" key:"graph" hidden:"" help:"Old name of --data-root"`
	StorageDriver string   `short:"s" key:"storage-driver" help:"Storage driver to use, if DOCKER_DRIVER does not say: ${drivers}"`
	StorageOpts   []string `name:"storage-opt" key:"storage-opts" help:"Storage driver options"`
}

// networkOptions are about the default network.
type networkOptions struct {
	Bridge              string    `short:"b" key:"bridge" help:"Attach containers to a network bridge; \"none\" for no default network"`
	BIP                 cidr      `key:"bip" placeholder:"string" help:"IPv4 address for the default bridge"`
	FixedCIDR           cidr      `key:"fixed-cidr" placeholder:"string" help:"IPv4 subnet for the default bridge network"`
	DefaultAddressPools pools     `name:"default-address-pool" key:"default-address-pools" placeholder:"pool-options" help:"Default address pools for networks: base=CIDR,size=BITS"`
	DefaultGateway      address   `key:"default-gateway" placeholder:"ip" help:"Default gateway IPv4 address for the default bridge network"`
	MTU                 int       `key:"mtu" help:"Set the MTU for the default bridge network"`
	PublishIP           address   `name:"ip" key:"ip" placeholder:"ip" help:"Host IP for port publishing from the default bridge network (default 0.0.0.0)"`
	HostGatewayIPs      addresses `name:"host-gateway-ip" key:"host-gateway-ips:list|string,host-gateway-ip:string" placeholder:"list" help:"IP address that 'host-gateway' in --add-host resolves to. Defaults to the address of the default bridge"`
	NoICC               inverse   `name:"icc" key:"icc" help:"Enable inter-container communication for the default bridge network (default true)"`
	NoMasq              inverse   `name:"ip-masq" key:"ip-masq" help:"Enable IP masquerading for the default bridge network (default true)"`
	NoForward           inverse   `name:"ip-forward" key:"ip-forward" help:"Enable IP forwarding in the system (default true)"`
	NoRules             inverse   `name:"iptables" key:"iptables" help:"Add firewall rules. Without them containers cannot reach other networks, and a process forwards published ports (default true)"`
	ResolvConf          string    `key:"resolv-conf" keyonly:""`
	HTTPProxy           string    `key:"http-proxy" help:"HTTP proxy URL to use for outgoing traffic"`
	HTTPSProxy          string    `key:"https-proxy" help:"HTTPS proxy URL to use for outgoing traffic"`
	NoProxy             string    `key:"no-proxy" help:"Comma-separated list of hosts or IP addresses for which the proxy is skipped"`
}

// containerOptions are defaults for containers.
type containerOptions struct {
	LogDriver           string    `key:"log-driver" default:"json-file" help:"Default driver for container logs"`
	LogOpts             []string  `name:"log-opt" key:"log-opts:object" placeholder:"map" help:"Default log driver options for containers: KEY=VALUE"`
	CgroupParent        string    `key:"cgroup-parent" help:"Set parent cgroup for all containers"`
	DefaultCgroupnsMode string    `key:"default-cgroupns-mode" help:"Default mode for containers cgroup namespace (\"host\" | \"private\")"`
	DefaultIPCMode      string    `key:"default-ipc-mode" help:"Default mode for containers ipc (\"shareable\" | \"private\") (default \"private\")"`
	DefaultRuntime      string    `key:"default-runtime" help:"Default runtime for containers (${runtimes}) (default \"box\")"`
	DefaultShmSize      size      `key:"default-shm-size:string|number" default:"64m" placeholder:"bytes" help:"Default shm size for containers (default 64MiB)"`
	DefaultStopTimeout  *int      `key:"default-stop-timeout" help:"Default stop timeout for containers, seconds (default 10)"`
	DefaultUlimits      ulimits   `name:"default-ulimit" key:"default-ulimits:object" placeholder:"ulimit" help:"Default ulimits for containers"`
	DNS                 addresses `key:"dns" placeholder:"list" help:"DNS server to use"`
	DNSOpts             []string  `name:"dns-opt" key:"dns-opts" help:"DNS options to use"`
	DNSSearch           []string  `key:"dns-search" help:"DNS search domains to use"`
	Init                bool      `key:"init" help:"Run an init in the container to forward signals and reap processes"`
	InitPath            string    `key:"init-path" help:"Path of an init to use instead of box"`
	NoNewPrivileges     bool      `key:"no-new-privileges" help:"Set no-new-privileges by default for new containers"`
	SeccompProfile      string    `key:"seccomp-profile" help:"Path to seccomp profile. Set to \"unconfined\" to disable the default seccomp profile"`
	UsernsRemap         string    `key:"userns-remap" help:"User/Group setting for user namespaces: default, user[:group], uid[:gid]"`
}

// registryOptions are about transfers of images.
type registryOptions struct {
	InsecureRegistries     []string `name:"insecure-registry" key:"insecure-registries" help:"Registry without TLS or without a trusted certificate: host[:port] or network"`
	RegistryMirrors        []string `name:"registry-mirror" key:"registry-mirrors" help:"Preferred registry mirror of Docker Hub, a URL"`
	MaxConcurrentDownloads int      `key:"max-concurrent-downloads" default:"3" help:"Set the max concurrent downloads"`
	MaxDownloadAttempts    int      `key:"max-download-attempts" default:"5" help:"Set the max download attempts for each pull"`
	MaxConcurrentUploads   int      `key:"max-concurrent-uploads" default:"5" help:"Set the max concurrent uploads"`
}

// LogConfig returns the default log configuration of containers.
func (o *Options) LogConfig() container.LogConfig {
	c := container.LogConfig{Type: o.LogDriver, Config: map[string]string{}}
	for _, option := range o.LogOpts {
		key, value, _ := strings.Cut(option, "=")
		c.Config[key] = value
	}
	return c
}

// Settings returns the options that the engine can change while it runs.
func (o *Options) Settings() engine.Settings {
	s := engine.Settings{Debug: o.Debug, Labels: o.Labels, LiveRestore: o.LiveRestore,
		Authorization: o.AuthorizationPlugins, ShutdownTimeout: Seconds(o.ShutdownTimeout)}
	r := &s.Registry
	r.Insecure, r.Mirrors = o.InsecureRegistries, o.RegistryMirrors
	r.Downloads, r.Uploads, r.Attempts = o.MaxConcurrentDownloads, o.MaxConcurrentUploads, o.MaxDownloadAttempts
	s.Container = request.Defaults{
		Runtime: o.DefaultRuntime, ShmSize: int64(o.DefaultShmSize), IpcMode: container.IpcMode(o.DefaultIPCMode),
		CgroupnsMode: container.CgroupnsMode(o.DefaultCgroupnsMode), Ulimits: o.DefaultUlimits,
		DNS: o.DNS, DNSSearch: o.DNSSearch, DNSOptions: o.DNSOpts, Init: o.Init, InitPath: o.InitPath,
		NoNewPrivileges: o.NoNewPrivileges, Seccomp: o.seccomp, SeccompName: o.SeccompProfile,
		StopTimeout: o.DefaultStopTimeout,
	}
	return s
}

// DefaultNetwork returns the configuration of the default bridge.
func (o *Options) DefaultNetwork() engine.Bridge {
	b := engine.Bridge{Pools: o.DefaultAddressPools, Bridge: catalog.Bridge{Name: o.Bridge, IP: netip.Prefix(o.BIP),
		MTU: o.MTU, Range: netip.Prefix(o.FixedCIDR), Gateway: netip.Addr(o.DefaultGateway),
		Publish: netip.Addr(o.PublishIP), Apart: bool(o.NoICC), NoMasq: bool(o.NoMasq)}}
	for _, a := range o.HostGatewayIPs {
		if a.Is4() {
			b.HostGateway = a
		}
	}
	return b
}

// Reload copies the options from n that a running daemon can change.
func (o *Options) Reload(n *Options) {
	o.Debug, o.Labels, o.LiveRestore, o.ShutdownTimeout = n.Debug, n.Labels, n.LiveRestore, n.ShutdownTimeout
	o.registryOptions = n.registryOptions
	o.DefaultShmSize, o.DefaultIPCMode = n.DefaultShmSize, n.DefaultIPCMode
	o.DefaultCgroupnsMode, o.DefaultRuntime = n.DefaultCgroupnsMode, n.DefaultRuntime
	o.AuthorizationPlugins, o.AuthorizationPolicy = n.AuthorizationPlugins, n.AuthorizationPolicy
}
