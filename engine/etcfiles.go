package engine

import (
	"errors"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
	api "github.com/moby/moby/api/types/container"
	"golang.org/x/sys/unix"

	"box/engine/endpoint"
	"box/engine/ident"
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
	extra, err := e.hostLines(rec.Host.ExtraHosts)
	if err != nil {
		return err
	}
	hosts := network.Hosts(rec.Config.Hostname, rec.Config.Domainname, addressesOf(j.endpoints), extra)
	if rec.Host.NetworkMode.IsHost() {
		if own, err := os.ReadFile("/etc/hosts"); err == nil {
			hosts = own
			links = append(network.HostLines(extra), links...)
		}
	}
	for _, l := range links {
		hosts = append(hosts, l+"\n"...)
	}
	resolv := e.resolvConf(rec.Host, j.named)
	for name, content := range map[string][]byte{"hostname": []byte(rec.Config.Hostname + "\n"), "hosts": hosts,
		"resolv.conf": resolv} {
		if err := e.writeFile(filepath.Join(dir, name), content); err != nil {
			return err
		}
	}
	return nil
}

// resolvConf returns a container's resolv.conf: its own options, or else the daemon's, or else the host's. One that
// finds others by name asks the keeper, which asks those servers.
func (e *Engine) resolvConf(h *api.HostConfig, named bool) []byte {
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
	if named {
		return network.ResolverConf(host, search, options)
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
	if n := e.nets.Named("bridge"); n != nil && len(n.Subnets) > 0 {
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

// mostHosts is the maximum size of a hosts file that is read, in bytes, since a container may have written to it.
const mostHosts = 1 << 20

// editFile changes a file in place, because it is mounted in a container.
func editFile(file string, edit func(old string) string) error {
	f, err := os.OpenFile(file, os.O_RDWR|unix.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	old, err := io.ReadAll(io.LimitReader(f, mostHosts+1))
	if err != nil || len(old) > mostHosts {
		return errors.Join(err, errdefs.ErrOutOfRange)
	}
	text := edit(string(old))
	if text == string(old) {
		return nil
	}
	if _, err := f.WriteAt([]byte(text), 0); err != nil {
		return err
	}
	return f.Truncate(int64(len(text)))
}

// replaceHost changes the address in the line of a name, or removes the line if the address is zero.
func replaceHost(file, name string, address netip.Addr) error {
	return editFile(file, func(old string) string {
		var text []byte
		for line := range strings.Lines(old) {
			if words := strings.Fields(line); len(words) > 1 && slices.Contains(words[1:], name) && words[0] != address.String() {
				if !address.IsValid() {
					continue
				}
				line = address.String() + strings.TrimPrefix(line, words[0])
			}
			text = append(text, line...)
		}
		return string(text)
	})
}

// renewFiles writes the present addresses of a running container into its hosts file, and its resolver into
// resolv.conf, after its networks changed. Lines that the container wrote stay.
func (e *Engine) renewFiles(c *lifecycle.Container, named bool) {
	rec, st, _ := c.See()
	own := network.OwnHosts(rec.Config.Hostname, rec.Config.Domainname, addressesOf(st.Endpoints))
	names := network.OwnNames(rec.Config.Hostname, rec.Config.Domainname)
	err := editFile(filepath.Join(e.dir(rec.ID), "hosts"), func(old string) string {
		var text strings.Builder
		for line := range strings.Lines(old) {
			if _, rest, ok := strings.Cut(strings.TrimSpace(line), "\t"); !ok || rest != names {
				text.WriteString(line)
			}
		}
		return text.String() + own
	})
	if err == nil && named {
		err = editFile(filepath.Join(e.dir(rec.ID), "resolv.conf"), func(old string) string {
			if strings.Contains(old, network.ResolverAddress) {
				return old
			}
			return string(e.resolvConf(rec.Host, true))
		})
	}
	if err != nil {
		e.log.Warn("write the addresses of a container", "container", ident.Short(rec.ID), "error", err)
	}
}

// addressesOf returns all addresses of endpoints.
func addressesOf(endpoints []network.Endpoint) (list []netip.Addr) {
	for _, ep := range endpoints {
		list = append(list, endpoint.Addresses(ep)...)
	}
	return list
}
