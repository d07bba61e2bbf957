package dockerd

import (
	"io"
	"log/slog"
	"net/netip"
	"strings"

	"github.com/moby/moby/api/types/container"

	"box/engine"
	"box/engine/request"
	"box/fs/diskspace"
	"box/personalities/cmd"
)

// options are the daemon's, with Docker's names and defaults.
type options struct {
	hosts         []string
	dataRoot      string
	graph         string // the old name of dataRoot
	execRoot      string
	pidfile       string
	configFile    string
	optsFile      string
	validate      bool
	recover       bool
	showVersion   bool
	lowestAPI     string // version of the API that is spoken, from the environment; "" for the default
	detach        bool
	logFile       string
	driver        string
	driverOptions []string
	group         string
	cgroupParent  string
	usernsRemap   string
	experimental  bool
	noRestarts    inverse
	oomScore      int

	debug     bool
	logLevel  string
	logFormat string
	rawLogs   bool

	bridge         string
	bip            cidr
	fixedCIDR      cidr
	pools          pools
	mtu            int
	gateway        address
	publish        address
	hostGateway    addresses
	apart          inverse // --icc
	noMasq         inverse
	noRules        inverse // --iptables
	noForward      inverse
	resolvConf     string
	httpProxy      string
	httpsProxy     string
	noProxy        string
	labels         labels
	live           bool // live-restore
	shutdown       int
	insecure       []string // registries
	mirrors        []string
	downloads      int // layers at once
	uploads        int
	attempts       int // of a download
	logDriver      string
	logOptions     []string
	cgroupns       string
	ipc            string
	runtime        string
	shm            size
	ulimits        ulimits
	dns            addresses
	dnsSearch      []string
	dnsOptions     []string
	init           bool
	initPath       string
	noNewPriv      bool
	seccomp        string // a path, or one of Docker's words
	seccompProfile string // its content
	stopTimeout    *int
	plugins        []string // of authorization
	policy         string   // the file of certificate names

	remote remote
	notes  []string // to be printed at the start
}

func defaults() *options {
	return &options{
		dataRoot: "/var/lib/docker", execRoot: "/var/run/docker", pidfile: "/var/run/docker.pid", logLevel: "info", logFormat: "text",
		configFile: defaultConfig, logDriver: "json-file", shutdown: 15, group: "docker", downloads: 3, uploads: 5, attempts: 5, shm: 64 << 20,
	}
}

// logger writes at the level of o, which Set changes later.
func (o *options) logger(w io.Writer) (*slog.Logger, *slog.LevelVar) {
	var level slog.LevelVar
	level.Set(o.level())
	h := &slog.HandlerOptions{Level: &level, ReplaceAttr: diskspace.InLog(o.dataRoot, o.execRoot)}
	if o.logFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, h)), &level
	}
	return slog.New(slog.NewTextHandler(w, h)), &level
}

func (o *options) level() slog.Level {
	switch {
	case o.debug || o.logLevel == "debug" || o.logLevel == "trace":
		return slog.LevelDebug
	case o.logLevel == "warn":
		return slog.LevelWarn
	case o.logLevel != "info":
		return slog.LevelError
	}
	return slog.LevelInfo
}

// logConfig is how containers are logged that do not say.
func (o *options) logConfig() container.LogConfig {
	c := container.LogConfig{Type: o.logDriver, Config: map[string]string{}}
	for _, option := range o.logOptions {
		key, value, _ := strings.Cut(option, "=")
		c.Config[key] = value
	}
	return c
}

// settings are those of the engine that may be changed while it runs.
func (o *options) settings() engine.Settings {
	s := engine.Settings{Debug: o.debug, Labels: o.labels, LiveRestore: o.live, Authorization: o.plugins, ShutdownTimeout: seconds(o.shutdown)}
	r := &s.Registry
	r.Insecure, r.Mirrors, r.Downloads, r.Uploads, r.Attempts = o.insecure, o.mirrors, o.downloads, o.uploads, o.attempts
	s.Container = request.Defaults{
		Runtime: o.runtime, ShmSize: int64(o.shm), IpcMode: container.IpcMode(o.ipc), CgroupnsMode: container.CgroupnsMode(o.cgroupns), Ulimits: o.ulimits,
		DNS: o.dns, DNSSearch: o.dnsSearch, DNSOptions: o.dnsOptions, Init: o.init, InitPath: o.initPath,
		NoNewPrivileges: o.noNewPriv, Seccomp: o.seccompProfile, SeccompName: o.seccomp, StopTimeout: o.stopTimeout,
	}
	return s
}

// defaultNetwork is the bridge that containers are on.
func (o *options) defaultNetwork() engine.Bridge {
	b := engine.Bridge{Name: o.bridge, IP: netip.Prefix(o.bip), MTU: o.mtu, Pools: o.pools, Range: netip.Prefix(o.fixedCIDR), Gateway: netip.Addr(o.gateway),
		Publish: netip.Addr(o.publish), Apart: bool(o.apart), NoMasq: bool(o.noMasq)}
	for _, a := range o.hostGateway {
		if a.Is4() {
			b.HostGateway = a
		}
	}
	return b
}

// take copies what a running daemon takes up anew from others.
func (o *options) take(n *options) {
	o.debug, o.labels, o.live, o.shutdown = n.debug, n.labels, n.live, n.shutdown
	o.insecure, o.mirrors, o.downloads, o.uploads, o.attempts = n.insecure, n.mirrors, n.downloads, n.uploads, n.attempts
	o.shm, o.ipc, o.cgroupns, o.runtime, o.plugins, o.policy = n.shm, n.ipc, n.cgroupns, n.runtime, n.plugins, n.policy
}

// usage is how the daemon is started.
func (o *options) usage() *cmd.Usage {
	u := &cmd.Usage{Path: "dockerd", Synopsis: "[OPTIONS]", Summary: "The container daemon."}
	table := o.table()
	for i := range table {
		switch s := &table[i]; {
		case s.value == nil:
			u.Groups = append(u.Groups, cmd.Group{Name: s.help})
		case s.name != "":
			u.Flags = append(u.Flags, s.flag())
			u.Groups[len(u.Groups)-1].Count++
		}
	}
	return u
}
