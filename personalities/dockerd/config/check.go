package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"box/engine"
	"box/engine/task"
	"box/netapi/version"
	"box/personalities/top/push"
	"box/personalities/top/rules"
)

// check reports invalid values, in Docker's words where Docker checks them too, and sets defaults that depend on other
// values.
func (o *Options) check(getenv func(string) string, used func(flag string) bool) error {
	if len(o.Hosts) == 0 {
		o.Hosts = []string{"unix:///var/run/docker.sock"}
	}
	if err := errors.Join(o.checkGraph(used), o.checkLog(), o.checkNetwork(), o.checkContainers(), o.checkRegistries(),
		o.checkMonitor(), o.Labels.conflict()); err != nil {
		return err
	}
	if o.LowestAPI = getenv("DOCKER_MIN_API_VERSION"); o.LowestAPI != "" {
		if err := version.CheckLowest(o.LowestAPI); err != nil {
			return err
		}
	}
	if err := o.Remote.settle(o.Hosts, getenv); err != nil {
		return err
	}
	if o.NoRestarts {
		o.Notes = append(o.Notes, "Flag --restart has been deprecated, Please use a restart policy on docker run")
	}
	for _, p := range []*string{&o.DataRoot, &o.ExecRoot, &o.Pidfile, &o.AuthorizationPolicy, &o.Token} {
		if *p == "" {
			continue
		}
		var err error
		if *p, err = filepath.Abs(*p); err != nil {
			return err
		}
	}
	return nil
}

// checkGraph handles the old name of the data root.
func (o *Options) checkGraph(used func(string) bool) error {
	if o.Graph == "" {
		return nil
	}
	byFlag := used("graph")
	if o.DataRoot != defaultRoot || used("data-root") {
		if byFlag {
			return errors.New(`cannot specify both "--graph" and "--data-root" option`)
		}
		return errors.New(`cannot specify both "graph" and "data-root" config file options`)
	}
	o.DataRoot = o.Graph
	if byFlag {
		o.Notes = append(o.Notes, `The "--graph" option is the old name of "--data-root", and works as that.`)
	} else {
		o.Notes = append(o.Notes, `The "graph" config file option is the old name of "data-root", and works as that.`)
	}
	return nil
}

func (o *Options) checkLog() error {
	if !slices.Contains([]string{"trace", "debug", "info", "warn", "error", "fatal", "panic"}, o.LogLevel) {
		return fmt.Errorf("invalid logging level: %s: use trace, debug, info, warn, error or fatal", o.LogLevel)
	}
	if o.LogFormat != "text" && o.LogFormat != "json" {
		return fmt.Errorf("invalid log format: %s: use text or json", o.LogFormat)
	}
	for _, option := range o.LogOpts {
		if !strings.Contains(option, "=") {
			return fmt.Errorf("invalid log option %q: use KEY=VALUE", option)
		}
	}
	return engine.CheckLog(o.LogConfig())
}

func (o *Options) checkNetwork() error {
	bip, within := netip.Prefix(o.BIP), netip.Prefix(o.FixedCIDR)
	if bip.IsValid() && bip.Addr() == bip.Masked().Addr() {
		return fmt.Errorf("--bip %s is the address of the network: use the address of the bridge", bip)
	}
	switch {
	case bip.IsValid() && o.Bridge != "" && o.Bridge != "none" && o.Bridge != "docker0":
		return errors.New("you specified -b & --bip, mutually exclusive options. Please specify only one")
	case bool(o.NoICC) && bool(o.NoRules):
		return errors.New("You specified --iptables=false with --icc=false. ICC=false uses iptables to function. Please " +
			"set --icc or --iptables to true")
	case within.IsValid() && bip.IsValid() && (within.Bits() < bip.Bits() || !bip.Masked().Contains(within.Addr())):
		return fmt.Errorf("--fixed-cidr %s is not within the network of --bip %s", within, bip)
	}
	if gw := netip.Addr(o.DefaultGateway); gw.IsValid() && bip.IsValid() && !bip.Contains(gw) {
		return fmt.Errorf("--default-gateway %s is not within the network of --bip %s", gw, bip)
	}
	if o.MTU < 0 {
		return fmt.Errorf("invalid default MTU: %d", o.MTU)
	}
	return nil
}

// readRules reads the file of --monitor-rules.
func (o *Options) readRules() error {
	if o.Rules == "" {
		return nil
	}
	f, err := os.Open(o.Rules)
	if err != nil {
		return err
	}
	defer f.Close()
	o.Limits, err = rules.Parse(o.Rules, f)
	return err
}

func (o *Options) checkMonitor() error {
	for _, text := range o.Push {
		t, err := push.Parse(text)
		if err != nil {
			return fmt.Errorf("--monitor-push: %w", err)
		}
		if slices.ContainsFunc(o.Targets, func(other *push.Target) bool { return other.Key() == t.Key() }) {
			return fmt.Errorf("--monitor-push: %s is named twice", t)
		}
		o.Targets = append(o.Targets, t)
	}
	if err := o.readRules(); err != nil {
		return fmt.Errorf("--monitor-rules: %w", err)
	}
	if o.MetricsAddr == "" {
		return nil
	}
	if _, _, err := net.SplitHostPort(o.MetricsAddr); err != nil {
		return fmt.Errorf("--metrics-addr %s is not host:port: %w", o.MetricsAddr, err)
	}
	return nil
}

func (o *Options) checkContainers() error {
	switch o.DefaultIPCMode {
	case "", "private", "shareable":
	case "none", "host":
		return fmt.Errorf("IPC mode %q is not supported as default value; use \"shareable\" or \"private\"",
			o.DefaultIPCMode)
	default:
		return fmt.Errorf("default IPC mode setting (%s) is invalid; use \"shareable\" or \"private\"",
			o.DefaultIPCMode)
	}
	if o.DefaultRuntime != "" && !slices.Contains(task.Runtimes(), o.DefaultRuntime) {
		return fmt.Errorf("specified default runtime '%s' does not exist: use one of %s", o.DefaultRuntime,
			strings.Join(task.Runtimes(), ", "))
	}
	if !slices.Contains([]string{"", "host", "private"}, o.DefaultCgroupnsMode) {
		return fmt.Errorf("default cgroup namespace mode (%s) is invalid; use \"host\" or \"private\"",
			o.DefaultCgroupnsMode)
	}
	switch o.SeccompProfile {
	case "", "builtin", "default":
		o.SeccompProfile = ""
	case "unconfined":
		o.seccomp = o.SeccompProfile
	default:
		raw, err := os.ReadFile(o.SeccompProfile)
		if err != nil {
			return fmt.Errorf("opening seccomp profile (%s) failed: %w", o.SeccompProfile, err)
		}
		o.seccomp = string(raw)
		return engine.CheckSeccomp(o.seccomp)
	}
	return nil
}

func (o *Options) checkRegistries() error {
	for _, r := range o.InsecureRegistries {
		if strings.Contains(r, "://") {
			return fmt.Errorf("insecure registry %s should not contain '://'", r)
		}
	}
	for _, m := range o.RegistryMirrors {
		if err := checkMirror(m); err != nil {
			return fmt.Errorf("invalid mirror: %w", err)
		}
	}
	for _, n := range []struct {
		value int
		what  string
	}{{o.MaxConcurrentDownloads, "max concurrent downloads"}, {o.MaxConcurrentUploads,
		"max concurrent uploads"}, {o.MaxDownloadAttempts, "max download attempts"}} {
		if n.value < 1 {
			return fmt.Errorf("invalid %s: %d", n.what, n.value)
		}
	}
	return nil
}

func checkMirror(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return fmt.Errorf("%q is not a valid URI", text)
	case u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("unsupported scheme %q in %q", u.Scheme, text)
	case u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("query or fragment at end of the URI %q", text)
	case u.User != nil:
		return fmt.Errorf("username/password not allowed in URI %q", u.Redacted())
	case u.Host == "":
		return fmt.Errorf("no host in %q", text)
	}
	return nil
}
