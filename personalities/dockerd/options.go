package dockerd

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/moby/api/types/container"

	"box/fs/drivers"
	"box/personalities/cmd"
)

// options are the daemon's, with Docker's names and defaults.
type options struct {
	hosts           []string
	dataRoot        string
	execRoot        string
	pidfile         string
	driver          string
	driverOptions   []string
	debug           bool
	logLevel        string
	bridge          string
	bipText         string
	bip             netip.Prefix
	mtu             int
	liveRestore     bool
	shutdownTimeout int
	group           string
	detach          bool
	cgroupParent    string
	insecure        []string // registries
	downloads       int      // layers at once
	uploads         int
	attempts        int // of a download
	usernsRemap     string
	logDriver       string
	logOptions      []string
	remote          remote
}

func defaults() *options {
	return &options{
		dataRoot: "/var/lib/docker", execRoot: "/var/run/docker", pidfile: "/var/run/docker.pid", logLevel: "info",
		logDriver: "json-file", shutdownTimeout: 15, group: "docker", downloads: 3, uploads: 5, attempts: 5,
	}
}

func (o *options) usage() *cmd.Usage {
	return &cmd.Usage{
		Path: "dockerd", Synopsis: "[OPTIONS]", Summary: "The container daemon.",
		Flags: append([]cmd.Flag{
			{Value: &o.hosts, Name: "host", Short: "H", Kind: "list", Help: "Daemon socket(s) to connect to: unix:///path, tcp://host:port (2375, with TLS 2376), fd://"},
			{Value: &o.dataRoot, Name: "data-root", Kind: "string", Help: "Root directory of persistent state"},
			{Value: &o.dataRoot, Name: "graph", Short: "g", Kind: "string", Help: "Old name of --data-root", Hidden: true},
			{Value: &o.execRoot, Name: "exec-root", Kind: "string", Help: "Root directory for execution state files"},
			{Value: &o.pidfile, Name: "pidfile", Short: "p", Kind: "string", Help: "Path to use for daemon PID file"},
			{Value: &o.driver, Name: "storage-driver", Short: "s", Kind: "string", Help: "Storage driver to use: " + strings.Join(drivers.Names(), ", ")},
			{Value: &o.driverOptions, Name: "storage-opt", Kind: "list", Help: "Storage driver options"},
			{Value: &o.debug, Name: "debug", Short: "D", Help: "Enable debug mode"},
			{Value: &o.logLevel, Name: "log-level", Short: "l", Kind: "string", Help: `Set the logging level ("debug"|"info"|"warn"|"error"|"fatal")`},
			{Value: &o.logDriver, Name: "log-driver", Kind: "string", Help: "Default driver for container logs"},
			{Value: &o.logOptions, Name: "log-opt", Kind: "list", Help: "Default log driver options for containers: KEY=VALUE"},
			{Value: &o.bridge, Name: "bridge", Short: "b", Kind: "string", Help: `Attach containers to a network bridge; "none" for no default network`},
			{Value: &o.bipText, Name: "bip", Kind: "string", Help: "Specify network bridge IP"},
			{Value: &o.mtu, Name: "mtu", Kind: "int", Help: "Set the containers network MTU"},
			{Value: &o.liveRestore, Name: "live-restore", Help: "Enable live restore of docker when containers are still running"},
			{Value: &o.shutdownTimeout, Name: "shutdown-timeout", Kind: "int", Help: "Set the default shutdown timeout (seconds)"},
			{Value: &o.group, Name: "group", Short: "G", Kind: "string", Help: "Group for the unix socket"},
			{Value: &o.cgroupParent, Name: "cgroup-parent", Kind: "string", Help: "Set parent cgroup for all containers"},
			{Value: &o.usernsRemap, Name: "userns-remap", Kind: "string", Help: "User/Group setting for user namespaces: default, user[:group], uid[:gid]"},
			{Value: &o.insecure, Name: "insecure-registry", Kind: "list", Help: "Registry that may lack TLS, or a certificate to trust: host[:port] or network"},
			{Value: &o.downloads, Name: "max-concurrent-downloads", Kind: "int", Help: "Set the max concurrent downloads"},
			{Value: &o.attempts, Name: "max-download-attempts", Kind: "int", Help: "Set the max download attempts for each pull"},
			{Value: &o.uploads, Name: "max-concurrent-uploads", Kind: "int", Help: "Set the max concurrent uploads"},
			{Value: &o.detach, Name: "detach", Help: "Go on in the background; return when the API answers"},
		}, o.remote.flags()...),
	}
}

// check refuses what cannot be and completes the rest.
func (o *options) check(getenv func(string) string) error {
	if len(o.hosts) == 0 {
		o.hosts = []string{"unix:///var/run/docker.sock"}
	}
	if !slices.Contains([]string{"debug", "info", "warn", "error", "fatal", "panic"}, o.logLevel) {
		return fmt.Errorf("invalid logging level: %s", o.logLevel)
	}
	var err error
	if o.bipText != "" {
		if o.bip, err = netip.ParsePrefix(o.bipText); err != nil {
			return fmt.Errorf("--bip %s: %w", o.bipText, err)
		}
		if o.bip.Addr() == o.bip.Masked().Addr() {
			return fmt.Errorf("--bip %s: give the address of the bridge, not that of the network", o.bipText)
		}
	}
	if o.bipText != "" && o.bridge != "" && o.bridge != "none" && o.bridge != "docker0" {
		return errors.New("you specified -b & --bip, mutually exclusive options. Please specify only one")
	}
	if err := errors.Join(o.checkRegistries(), o.remote.settle(o.hosts, getenv)); err != nil {
		return err
	}
	for _, p := range []*string{&o.dataRoot, &o.execRoot, &o.pidfile} {
		if *p, err = filepath.Abs(*p); err != nil {
			return err
		}
	}
	return nil
}

func (o *options) checkRegistries() error {
	for _, r := range o.insecure {
		if strings.Contains(r, "://") {
			return fmt.Errorf("insecure registry %s should not contain '://'", r)
		}
	}
	for _, n := range []struct {
		value int
		what  string
	}{{o.downloads, "max concurrent downloads"}, {o.uploads, "max concurrent uploads"}, {o.attempts, "max download attempts"}} {
		if n.value < 1 {
			return fmt.Errorf("invalid %s: %d", n.what, n.value)
		}
	}
	return nil
}

func (o *options) logger(w io.Writer) *slog.Logger {
	level := slog.LevelInfo
	switch {
	case o.debug || o.logLevel == "debug":
		level = slog.LevelDebug
	case o.logLevel == "warn":
		level = slog.LevelWarn
	case o.logLevel != "info":
		level = slog.LevelError
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level}))
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
