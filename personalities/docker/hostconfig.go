package docker

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path"
	"strconv"
	"strings"

	"github.com/docker/go-units"
	"github.com/moby/moby/api/types/container"

	"box/personalities/cmd"
)

// hostConfig is the part of a create request that is about the host.
func (c *createFlags) hostConfig(s *session, p *cmd.Parsed) (*container.HostConfig, error) {
	h := &container.HostConfig{
		ContainerIDFile: c.cidFile, AutoRemove: c.rm, VolumeDriver: c.volumeDriver, VolumesFrom: c.volumesFrom,
		LogConfig:   container.LogConfig{Type: c.logDriver, Config: pairs(c.logOptions)},
		Annotations: pairsOrNil(c.annotations), CapAdd: c.capAdd, CapDrop: c.capDrop,
		DNSOptions: c.dnsOptions, DNSSearch: c.dnsSearch, GroupAdd: c.groups,
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
	if !container.NetworkMode(firstOf(c.networks)).IsUserDefined() {
		h.Links = c.links
	}
	err := errors.Join(c.setModes(h), c.setNames(h), c.setSecurity(s, h))
	if err != nil {
		return nil, err
	}
	if h.Mounts, err = s.mountSpecs(c.mounts); err != nil {
		return nil, err
	}
	if c.useAPISocket {
		h.Binds = append(h.Binds, "/var/run/docker.sock:/var/run/docker.sock")
	}
	h.Resources, err = c.limits.resources(p, c.ulimits)
	if err == nil && c.gpus != "" {
		h.DeviceRequests, err = gpuRequest(c.gpus)
	}
	return h, err
}

func firstOf(words []string) string {
	if len(words) == 0 {
		return ""
	}
	e, err := parseEndpoint(words[0])
	if err != nil {
		return words[0]
	}
	return e.name
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
	case c.shm < 0:
		return fmt.Errorf("invalid value: %d. Valid shm size is above 0", c.shm)
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
		addr, err := netip.ParseAddr(text)
		if err != nil {
			return fmt.Errorf("invalid argument %q for \"--dns\" flag: %s is not an ip address", text, text)
		}
		h.DNS = append(h.DNS, addr)
	}
	for _, line := range c.hosts {
		name, addr, ok := strings.Cut(line, "=")
		if !ok {
			name, addr, ok = strings.Cut(line, ":")
		}
		if !ok || name == "" {
			return fmt.Errorf("invalid argument %q for \"--add-host\" flag: bad format for add-host: %q", line, line)
		}
		addr = strings.TrimSuffix(strings.TrimPrefix(addr, "["), "]")
		if _, err := netip.ParseAddr(addr); err != nil && addr != "host-gateway" {
			return fmt.Errorf("invalid argument %q for \"--add-host\" flag: invalid IP address in add-host: %q", line, addr)
		}
		h.ExtraHosts = append(h.ExtraHosts, name+":"+addr)
	}
	return nil
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
			return fmt.Errorf("invalid --security-opt: %q", opt)
		case key == "seccomp" && value != "unconfined" && value != "builtin":
			text, err := seccompProfile(s.path(value))
			if err != nil {
				return fmt.Errorf("opening seccomp profile (%s) failed: %w", value, err)
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

// gpuRequest reads --gpus: all, a number, or device=...,capabilities=...,driver=...,options=....
func gpuRequest(spec string) ([]container.DeviceRequest, error) {
	r := container.DeviceRequest{Capabilities: [][]string{{"gpu"}}, Options: map[string]string{}}
	seen := map[string]bool{}
	for _, field := range strings.Split(spec, ",") {
		key, value, ok := strings.Cut(strings.Trim(field, `"`), "=")
		if !ok {
			key, value = "count", key
		}
		if seen[key] {
			return nil, fmt.Errorf("gpu request key %q can be specified only once", key)
		}
		seen[key] = true
		switch key {
		case "driver":
			r.Driver = value
		case "count":
			r.Count = -1
			if value != "all" {
				n, err := strconv.Atoi(value)
				if err != nil {
					return nil, fmt.Errorf("invalid count (%s): value must be either \"all\" or an integer", value)
				}
				r.Count = n
			}
		case "device":
			r.DeviceIDs = strings.Split(value, ",")
		case "capabilities":
			r.Capabilities = [][]string{append(strings.Split(value, ","), "gpu")}
		case "options":
			r.Options = pairs(strings.Split(value, ","))
		default:
			return nil, fmt.Errorf("unexpected key %q in %q", key, field)
		}
	}
	return []container.DeviceRequest{r}, nil
}

// ulimits reads NAME=SOFT[:HARD].
func ulimits(specs []string) ([]*container.Ulimit, error) {
	var out []*container.Ulimit
	for _, spec := range specs {
		u, err := units.ParseUlimit(spec)
		if err != nil {
			return nil, fmt.Errorf("invalid argument %q for \"--ulimit\" flag: %w", spec, err)
		}
		out = append(out, u)
	}
	return out, nil
}
