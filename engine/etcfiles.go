package engine

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"

	api "github.com/moby/moby/api/types/container"

	"box/engine/lifecycle"
	"box/engine/network"
	"box/engine/refuse"
	"box/engine/request"
)

// writeFiles writes the files that replace those of the image: hostname, hosts with lines for links, and resolv.conf.
func (e *Engine) writeFiles(rec *lifecycle.Record, j sandbox, links []string) error {
	dir := e.dir(rec.ID)
	if rec.Host.NetworkMode.IsContainer() {
		return e.copyFiles(rec)
	}
	var addresses []netip.Addr
	for _, ep := range j.endpoints {
		addresses = append(addresses, ep.Address.Addr())
	}
	extra, err := e.hostLines(rec.Host.ExtraHosts)
	if err != nil {
		return err
	}
	hosts := network.Hosts(rec.Config.Hostname, rec.Config.Domainname, addresses, extra)
	if rec.Host.NetworkMode.IsHost() {
		if own, err := os.ReadFile("/etc/hosts"); err == nil {
			hosts = own
			links = append(network.HostLines(extra), links...)
		}
	}
	for _, l := range links {
		hosts = append(hosts, l+"\n"...)
	}
	resolv := e.resolvConf(rec.Host)
	for name, content := range map[string][]byte{"hostname": []byte(rec.Config.Hostname + "\n"), "hosts": hosts,
		"resolv.conf": resolv} {
		if err := e.writeFile(filepath.Join(dir, name), content); err != nil {
			return err
		}
	}
	return nil
}

// resolvConf returns a container's resolv.conf: its own options, or else the daemon's, or else the host's.
func (e *Engine) resolvConf(h *api.HostConfig) []byte {
	d := &e.settings().Container
	dns, search, options := h.DNS, h.DNSSearch, h.DNSOptions
	if len(dns) == 0 {
		dns = d.DNS
	}
	if len(search) == 0 {
		search = d.DNSSearch
	}
	if len(options) == 0 {
		options = d.DNSOptions
	}
	host := network.HostResolvConf(e.o.ResolvConf)
	if h.NetworkMode.IsHost() && len(dns)+len(search)+len(options) == 0 {
		return host
	}
	return network.ResolvConf(host, dns, search, options)
}

// writeFile writes a file that the root of a container may change.
func (e *Engine) writeFile(path string, content []byte) error {
	if err := e.o.Disk.WriteFile(path, content, 0o644); err != nil {
		return err
	}
	uid, gid := e.o.IDs.Root()
	if uid == 0 && gid == 0 {
		return nil
	}
	return os.Chown(path, uid, gid)
}

// hostLines returns the lines of --add-host as NAME:ADDRESS, with host-gateway replaced by the host's address.
func (e *Engine) hostLines(lines []string) ([]string, error) {
	var out []string
	for _, line := range lines {
		name, address, _ := request.CutHostLine(line)
		if address == request.HostGateway {
			gateway := e.hostAddress()
			if !gateway.IsValid() {
				return nil, refuse.Invalid("unable to derive the IP value for %s", request.HostGateway)
			}
			address = gateway.String()
		}
		out = append(out, name+":"+address)
	}
	return out, nil
}

// hostAddress is the address of the host for containers: the gateway of the default network.
func (e *Engine) hostAddress() netip.Addr {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if e.o.Bridge.HostGateway.IsValid() {
		return e.o.Bridge.HostGateway
	}
	if n := e.networkNamed("bridge"); n != nil && len(n.Subnets) > 0 {
		return n.Subnets[0].Gateway
	}
	return netip.Addr{}
}

// copyFiles copies the files of the container whose network is shared.
func (e *Engine) copyFiles(rec *lifecycle.Record) error {
	other, err := e.container(rec.Host.NetworkMode.ConnectedContainer())
	if err != nil {
		return err
	}
	for _, name := range []string{"hostname", "hosts", "resolv.conf"} {
		raw, err := os.ReadFile(filepath.Join(e.dir(other.ID()), name))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		if err := e.writeFile(filepath.Join(e.dir(rec.ID), name), raw); err != nil {
			return err
		}
	}
	return nil
}
