package engine

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"

	"box/engine/network"
)

// writeFiles writes the three files that a container has over its image's: hostname, hosts and resolv.conf.
func (e *Engine) writeFiles(rec *record, j sandbox) error {
	dir := e.dir(rec.ID)
	if rec.Host.NetworkMode.IsContainer() {
		return e.copyFiles(rec)
	}
	var addresses []netip.Addr
	for _, ep := range j.endpoints {
		addresses = append(addresses, ep.Address.Addr())
	}
	hosts := network.Hosts(rec.Config.Hostname, rec.Config.Domainname, addresses, rec.Host.ExtraHosts)
	if rec.Host.NetworkMode.IsHost() {
		if own, err := os.ReadFile("/etc/hosts"); err == nil {
			hosts = own
		}
	}
	var dns []netip.Addr
	dns = append(dns, rec.Host.DNS...)
	var resolv []byte
	host := network.HostResolvConf()
	if rec.Host.NetworkMode.IsHost() && len(dns)+len(rec.Host.DNSSearch)+len(rec.Host.DNSOptions) == 0 {
		resolv = host
	} else {
		resolv = network.ResolvConf(host, dns, rec.Host.DNSSearch, rec.Host.DNSOptions)
	}
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "hostname"), []byte(rec.Config.Hostname+"\n"), 0o644),
		os.WriteFile(filepath.Join(dir, "hosts"), hosts, 0o644),
		os.WriteFile(filepath.Join(dir, "resolv.conf"), resolv, 0o644),
	)
}

// copyFiles gives a container that shares another's network that one's files.
func (e *Engine) copyFiles(rec *record) error {
	other, err := e.container(rec.Host.NetworkMode.ConnectedContainer())
	if err != nil {
		return err
	}
	for _, name := range []string{"hostname", "hosts", "resolv.conf"} {
		raw, err := os.ReadFile(filepath.Join(e.dir(other.rec.ID), name))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		if err := os.WriteFile(filepath.Join(e.dir(rec.ID), name), raw, 0o644); err != nil {
			return err
		}
	}
	return nil
}
