package run

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"

	"box/personalities/cmd"
	"box/personalities/docker/session"
	"box/personalities/docker/values"
)

// hostConfig makes the part of the request about the host.
func (c *createFlags) hostConfig(s *session.Session, p *cmd.Parsed) (*container.HostConfig, error) {
	if c.LogDriver == "none" && len(c.LogOpt) > 0 {
		return nil, errors.New("invalid logging opts for driver none")
	}
	h := &container.HostConfig{
		ContainerIDFile: c.CIDFile, AutoRemove: c.Rm, VolumeDriver: c.VolumeDriver, VolumesFrom: c.VolumesFrom,
		LogConfig:   container.LogConfig{Type: c.LogDriver, Config: values.Pairs(c.LogOpt)},
		Annotations: values.PairsOrNil(c.Annotation), CapAdd: capabilities(c.CapAdd), CapDrop: capabilities(c.CapDrop),
		Links: c.Link,
		DNS:   []netip.Addr{}, DNSOptions: append([]string{}, c.DNSOption...),
		DNSSearch: append([]string{}, c.DNSSearch...), GroupAdd: c.GroupAdd,
		Privileged: c.Privileged, PublishAllPorts: c.PublishAll, ReadonlyRootfs: c.ReadOnly,
		PidMode: container.PidMode(c.PID), IpcMode: container.IpcMode(c.IPC), UTSMode: container.UTSMode(c.UTS),
		UsernsMode: container.UsernsMode(c.Userns), CgroupnsMode: container.CgroupnsMode(c.Cgroupns),
		Isolation: container.Isolation(c.Isolation), Runtime: c.Runtime, ShmSize: int64(c.ShmSize),
		StorageOpt: values.PairsOrNil(c.StorageOpt), Tmpfs: tmpfsMounts(c.Tmpfs), Sysctls: values.PairsOrNil(c.Sysctl),
		OomScoreAdj: c.OOMScoreAdj,
	}
	if p.Set("init") {
		h.Init = &c.Init
	}
	err := errors.Join(c.setModes(h), c.setNames(h), c.setSecurity(s, h))
	if err != nil {
		return nil, err
	}
	if h.Mounts, err = mountSpecs(s, c.Mount); err != nil {
		return nil, err
	}
	if c.UseAPISocket {
		socket, err := apiSocket(s)
		if err != nil {
			return nil, err
		}
		h.Mounts = append(h.Mounts, mount.Mount{Type: mount.TypeBind, Source: socket, Target: "/var/run/docker.sock"})
	}
	h.Resources, err = c.resources(p, c.Ulimit)
	h.DeviceRequests = c.Gpus
	return h, err
}

// apiSocket returns the path of the daemon's socket, for --use-api-socket.
func apiSocket(s *session.Session) (string, error) {
	host, _, err := s.Resolve()
	if err != nil {
		return "", err
	}
	path, ok := strings.CutPrefix(host, "unix://")
	if !ok {
		return "", fmt.Errorf("flag --use-api-socket needs a daemon on a unix socket, not %s", host)
	}
	return path, nil
}

// capabilities normalizes names as daemons do: CAP_NET_ADMIN, ALL.
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

// setModes sets the restart policy and checks the modes that can be checked without the daemon.
func (c *createFlags) setModes(h *container.HostConfig) error {
	policy, err := RestartPolicy(c.Restart)
	if err != nil {
		return err
	}
	h.RestartPolicy = policy
	if c.Rm && !policy.IsNone() {
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
	case c.MemorySwappiness != -1 && (c.MemorySwappiness < 0 || c.MemorySwappiness > 100):
		return fmt.Errorf("invalid value: %d. Valid memory swappiness range is 0-100", c.MemorySwappiness)
	}
	return nil
}

// RestartPolicy parses NAME[:COUNT].
func RestartPolicy(text string) (p container.RestartPolicy, err error) {
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

// setNames sets name servers and lines of /etc/hosts.
func (c *createFlags) setNames(h *container.HostConfig) error {
	for _, text := range c.DNS {
		addr, err := nameServer(text)
		if err != nil {
			return err
		}
		h.DNS = append(h.DNS, addr)
	}
	for _, text := range c.AddHost {
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

// hostLine parses NAME:ADDRESS or NAME=ADDRESS; host-gateway stands for the address of the host.
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

// setSecurity parses --security-opt. A seccomp profile is a file here and is sent as text; systempaths=unconfined has
// fields of its own.
func (c *createFlags) setSecurity(s *session.Session, h *container.HostConfig) error {
	for _, opt := range c.SecurityOpt {
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
			text, err := seccompProfile(s.Path(value))
			if err != nil {
				return fmt.Errorf("opening seccomp profile (%s) failed: %w", value, session.UserPath(err, value))
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
