package docker

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/go-units"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"

	"box/personalities/cmd"
)

// hostConfig is the part of a create request that is about the host.
func (c *createFlags) hostConfig(s *session, p *cmd.Parsed) (*container.HostConfig, error) {
	if c.logDriver == "none" && len(c.logOptions) > 0 {
		return nil, errors.New("invalid logging opts for driver none")
	}
	h := &container.HostConfig{
		ContainerIDFile: c.cidFile, AutoRemove: c.rm, VolumeDriver: c.volumeDriver, VolumesFrom: c.volumesFrom,
		LogConfig:   container.LogConfig{Type: c.logDriver, Config: pairs(c.logOptions)},
		Annotations: pairsOrNil(c.annotations), CapAdd: capabilities(c.capAdd), CapDrop: capabilities(c.capDrop), Links: c.links,
		DNS: []netip.Addr{}, DNSOptions: append([]string{}, c.dnsOptions...), DNSSearch: append([]string{}, c.dnsSearch...), GroupAdd: c.groups,
		Privileged: c.privileged, PublishAllPorts: c.publishAll, ReadonlyRootfs: c.readOnly,
		PidMode: container.PidMode(c.pid), IpcMode: container.IpcMode(c.ipc), UTSMode: container.UTSMode(c.uts),
		UsernsMode: container.UsernsMode(c.userns), CgroupnsMode: container.CgroupnsMode(c.cgroupns),
		Isolation: container.Isolation(c.isolation), Runtime: c.runtime, ShmSize: int64(c.shm),
		StorageOpt: pairsOrNil(c.storageOptions), Tmpfs: tmpfsMounts(c.tmpfs), Sysctls: pairsOrNil(c.sysctls),
		OomScoreAdj: c.limits.oomScore,
	}
	if p.Set("init") {
		h.Init = &c.init
	}
	err := errors.Join(c.setModes(h), c.setNames(h), c.setSecurity(s, h))
	if err != nil {
		return nil, err
	}
	if h.Mounts, err = s.mountSpecs(c.mounts); err != nil {
		return nil, err
	}
	if c.useAPISocket {
		socket, err := s.apiSocket()
		if err != nil {
			return nil, err
		}
		h.Mounts = append(h.Mounts, mount.Mount{Type: mount.TypeBind, Source: socket, Target: "/var/run/docker.sock"})
	}
	h.Resources, err = c.limits.resources(p, c.ulimits)
	h.DeviceRequests = c.gpus
	return h, err
}

// apiSocket is the daemon's socket, for a container that is to talk to it.
func (s *session) apiSocket() (string, error) {
	host, _, err := s.resolve()
	if err != nil {
		return "", err
	}
	path, ok := strings.CutPrefix(host, "unix://")
	if !ok {
		return "", fmt.Errorf("flag --use-api-socket needs a daemon on a unix socket, not %s", host)
	}
	return path, nil
}

// capabilities spells names as daemons keep them: CAP_NET_ADMIN, ALL.
func capabilities(names []string) []string {
	var out []string
	for _, name := range names {
		name = strings.ToUpper(strings.TrimSpace(name))
		if name != "ALL" && !strings.HasPrefix(name, "CAP_") {
			name = "CAP_" + name
		}
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// setModes checks what may be checked without the daemon.
func (c *createFlags) setModes(h *container.HostConfig) error {
	policy, err := restartPolicy(c.restart)
	if err != nil {
		return err
	}
	h.RestartPolicy = policy
	if c.rm && !policy.IsNone() {
		return errors.New("conflicting options: cannot specify both --restart and --rm")
	}
	switch {
	case !h.PidMode.Valid():
		return errors.New("--pid: invalid PID mode")
	case !h.UTSMode.Valid():
		return errors.New("--uts: invalid UTS mode")
	case !h.UsernsMode.Valid():
		return errors.New("--userns: invalid USER mode")
	case !h.CgroupnsMode.Valid():
		return errors.New("--cgroupns: invalid CGROUP mode")
	case c.limits.swappiness != -1 && (c.limits.swappiness < 0 || c.limits.swappiness > 100):
		return fmt.Errorf("invalid value: %d. Valid memory swappiness range is 0-100", c.limits.swappiness)
	}
	return nil
}

// restartPolicy reads NAME[:COUNT].
func restartPolicy(text string) (p container.RestartPolicy, err error) {
	name, count, counted := strings.Cut(text, ":")
	if text == "" {
		return p, nil
	}
	if counted && name == "" {
		return p, errors.New("invalid restart policy format: no policy provided before colon")
	}
	p.Name = container.RestartPolicyMode(name)
	if counted {
		if p.MaximumRetryCount, err = strconv.Atoi(count); err != nil {
			return p, errors.New("invalid restart policy format: maximum retry count must be an integer")
		}
	}
	return p, nil
}

// setNames reads name servers and lines for /etc/hosts.
func (c *createFlags) setNames(h *container.HostConfig) error {
	for _, text := range c.dns {
		addr, err := nameServer(text)
		if err != nil {
			return err
		}
		h.DNS = append(h.DNS, addr)
	}
	for _, text := range c.hosts {
		line, err := hostLine(text)
		if err != nil {
			return err
		}
		h.ExtraHosts = append(h.ExtraHosts, line)
	}
	return nil
}

func nameServer(text string) (netip.Addr, error) {
	addr, err := netip.ParseAddr(strings.TrimSpace(text))
	if err != nil {
		return addr, fmt.Errorf("IP address is not correctly formatted: %s", text)
	}
	return addr, nil
}

// hostLine reads NAME:ADDRESS or NAME=ADDRESS; host-gateway stands for the host's own address.
func hostLine(text string) (string, error) {
	name, addr, ok := strings.Cut(text, "=")
	if !ok {
		name, addr, ok = strings.Cut(text, ":")
	}
	if !ok || name == "" {
		return "", fmt.Errorf("bad format for add-host: %q", text)
	}
	addr = strings.TrimSuffix(strings.TrimPrefix(addr, "["), "]")
	if _, err := netip.ParseAddr(addr); err != nil && addr != "host-gateway" {
		return "", fmt.Errorf("invalid IP address in add-host: %q", addr)
	}
	return name + ":" + addr, nil
}

// setSecurity reads --security-opt: a seccomp profile is a file here and its text in the request;
// systempaths=unconfined is two fields of their own.
func (c *createFlags) setSecurity(s *session, h *container.HostConfig) error {
	for _, opt := range c.securityOpt {
		key, value, ok := strings.Cut(opt, "=")
		if !ok && strings.Contains(opt, ":") {
			key, value, ok = strings.Cut(opt, ":")
		}
		switch {
		case key == "systempaths" && value == "unconfined":
			h.MaskedPaths, h.ReadonlyPaths = []string{}, []string{}
			continue
		case !ok && key != "no-new-privileges":
			return fmt.Errorf("Invalid --security-opt: %q", opt)
		case key == "seccomp" && value != "unconfined" && value != "builtin":
			text, err := seccompProfile(s.path(value))
			if err != nil {
				return fmt.Errorf("opening seccomp profile (%s) failed: %w", value, unpath(err, value))
			}
			opt = "seccomp=" + text
		}
		h.SecurityOpt = append(h.SecurityOpt, opt)
	}
	return nil
}

func seccompProfile(file string) (string, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	var profile any
	if err := json.Unmarshal(raw, &profile); err != nil {
		return "", fmt.Errorf("compacting json for seccomp profile (%s) failed: %w", file, err)
	}
	out, err := json.Marshal(profile)
	return string(out), err
}

// deviceMapping reads PATH[:INSIDE[:MODE]].
func deviceMapping(spec string) (container.DeviceMapping, error) {
	parts := strings.Split(spec, ":")
	m := container.DeviceMapping{PathOnHost: parts[0], PathInContainer: parts[0], CgroupPermissions: "rwm"}
	switch {
	case len(parts) > 3 || parts[0] == "":
		return m, fmt.Errorf("invalid device specification: %s", spec)
	case len(parts) == 3:
		m.PathInContainer, m.CgroupPermissions = parts[1], parts[2]
	case len(parts) == 2 && isDeviceMode(parts[1]):
		m.CgroupPermissions = parts[1]
	case len(parts) == 2:
		m.PathInContainer = parts[1]
	}
	if !isDeviceMode(m.CgroupPermissions) {
		return m, fmt.Errorf("bad mode specified: %s", m.CgroupPermissions)
	}
	if !path.IsAbs(m.PathInContainer) {
		return m, fmt.Errorf("%s is not an absolute path", m.PathInContainer)
	}
	return m, nil
}

// isDeviceMode accepts each of r, w, m at most once.
func isDeviceMode(mode string) bool {
	for i, r := range mode {
		if !strings.ContainsRune("rwm", r) || strings.ContainsRune(mode[:i], r) {
			return false
		}
	}
	return mode != ""
}

// gpuSpec is --gpus: all, a number, or device=...,capabilities=...,driver=...,options=....
type gpuSpec []container.DeviceRequest

// Set reads one request.
func (g *gpuSpec) Set(spec string) error {
	r := container.DeviceRequest{Capabilities: [][]string{{"gpu"}}, Options: map[string]string{}}
	fields, err := csv.NewReader(strings.NewReader(spec)).Read()
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, field := range fields {
		key, value, ok := strings.Cut(field, "=")
		if !ok {
			key, value = "count", key
		}
		if seen[key] {
			return fmt.Errorf("gpu request key '%s' can be specified only once", key)
		}
		seen[key] = true
		switch key {
		case "driver":
			r.Driver = value
		case "count":
			if r.Count, err = gpuCount(value); err != nil {
				return err
			}
		case "device":
			r.DeviceIDs = strings.Split(value, ",")
		case "capabilities":
			r.Capabilities = [][]string{append(strings.Split(value, ","), "gpu")}
		case "options":
			r.Options = pairs(strings.Split(value, ","))
		default:
			return fmt.Errorf("unexpected key '%s' in '%s'", key, field)
		}
	}
	if !seen["count"] && !seen["device"] {
		r.Count = 1
	}
	*g = append(*g, r)
	return nil
}

func gpuCount(text string) (int, error) {
	if text == "all" {
		return -1, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("invalid count (%s): value must be either \"all\" or an integer: %w", text, errors.Unwrap(err))
	}
	return n, nil
}

// ulimits reads NAME=SOFT[:HARD].
func ulimits(specs []string) ([]*container.Ulimit, error) {
	out := []*container.Ulimit{}
	for _, spec := range specs {
		u, err := units.ParseUlimit(spec)
		if err != nil {
			return nil, err
		}
		out = append(out, u)
	}
	return out, nil
}
