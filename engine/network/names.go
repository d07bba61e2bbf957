package network

import (
	"bytes"
	"net/netip"
	"os"
	"slices"
	"strings"
)

// hostsHead is what every container's /etc/hosts starts with.
const hostsHead = `127.0.0.1	localhost
::1	localhost ip6-localhost ip6-loopback
fe00::0	ip6-localnet
ff00::0	ip6-mcastprefix
ff02::1	ip6-allnodes
ff02::2	ip6-allrouters
`

// Hosts returns a container's /etc/hosts: Docker's fixed lines, extra ("name:address") and a line for each of the
// container's own addresses with its full name and the part before the first dot.
func Hosts(hostname, domain string, addresses []netip.Addr, extra []string) []byte {
	var out strings.Builder
	out.WriteString(hostsHead)
	for _, line := range HostLines(extra) {
		out.WriteString(line + "\n")
	}
	out.WriteString(OwnHosts(hostname, domain, addresses))
	return []byte(out.String())
}

// OwnHosts returns the lines of a hosts file about the container itself.
func OwnHosts(hostname, domain string, addresses []netip.Addr) (lines string) {
	names := OwnNames(hostname, domain)
	for _, a := range addresses {
		lines += a.String() + "\t" + names + "\n"
	}
	return lines
}

// OwnNames returns what stands behind the addresses in these lines.
func OwnNames(hostname, domain string) string {
	full := hostname
	if domain != "" {
		full += "." + domain
	}
	if short, _, dotted := strings.Cut(full, "."); dotted {
		return full + " " + short
	}
	return full
}

// HostLines returns the lines of a hosts file for extra ("name:address"). It leaves out what would break the file.
func HostLines(extra []string) []string {
	var lines []string
	for _, line := range extra {
		name, address, ok := strings.Cut(line, ":")
		address = strings.TrimSuffix(strings.TrimPrefix(address, "["), "]")
		if ok && word(name) && word(address) {
			lines = append(lines, address+"\t"+name)
		}
	}
	return lines
}

// word tells whether s can stand as one field of a line.
func word(s string) bool { return s != "" && !strings.ContainsAny(s, " \t\r\n#") }

// Where systemd-resolved keeps the name servers that its stub at 127.0.0.53 asks. Containers cannot reach the stub.
const (
	stubResolver    = "127.0.0.53"
	resolvedServers = "/run/systemd/resolve/resolv.conf"
)

// HostResolvConf reads the resolver configuration that containers start from: the host's, or what is behind it if
// that names only systemd-resolved's stub. A missing file counts as an empty one. path "" means /etc/resolv.conf.
func HostResolvConf(path string) []byte {
	if path == "" {
		path = "/etc/resolv.conf"
	}
	own, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	servers := values(own, "nameserver")
	if len(servers) == 1 && servers[0] == stubResolver {
		if behind, err := os.ReadFile(resolvedServers); err == nil {
			return behind
		}
	}
	return own
}

// publicServers are asked if the host has no name server that a container can reach, as in Docker.
const publicServers = "nameserver 8.8.8.8\nnameserver 8.8.4.4\n"

// ResolvConf returns a container's /etc/resolv.conf, made of the host's and what the user gave in its place. It
// leaves out the host's name servers on loopback and IPv6 addresses, which the container cannot reach.
func ResolvConf(host []byte, dns []netip.Addr, search, options []string) []byte {
	if len(dns)+len(search)+len(options) == 0 {
		return inherit(host)
	}
	if len(search) == 0 {
		search = last(values(host, "search"))
	}
	if len(options) == 0 {
		options = last(values(host, "options"))
	}
	var out strings.Builder
	if len(search) > 0 && !(len(search) == 1 && search[0] == ".") { // "." asks for none
		out.WriteString("search " + strings.Join(search, " ") + "\n")
	}
	servers := 0
	for _, a := range dns {
		out.WriteString("nameserver " + a.String() + "\n")
		servers++
	}
	if len(dns) == 0 {
		for _, s := range values(host, "nameserver") {
			if reachable(s) {
				out.WriteString("nameserver " + s + "\n")
				servers++
			}
		}
	}
	if servers == 0 {
		out.WriteString(publicServers)
	}
	if len(options) > 0 {
		out.WriteString("options " + strings.Join(options, " ") + "\n")
	}
	return []byte(out.String())
}

// ResolverAddress is where the resolver of a container answers, in its own namespace.
const ResolverAddress = "127.0.0.11"

// ResolverConf returns the resolv.conf of a container that asks its own resolver. What the user did not give is taken
// from the host's.
func ResolverConf(host []byte, search, options []string) []byte {
	if len(search) == 0 {
		search = last(values(host, "search"))
	}
	if len(options) == 0 {
		options = last(values(host, "options"))
	}
	var out strings.Builder
	out.WriteString("# Written by box: the names of containers and the host's servers are asked through it.\n")
	if len(search) > 0 && !(len(search) == 1 && search[0] == ".") {
		out.WriteString("search " + strings.Join(search, " ") + "\n")
	}
	out.WriteString("nameserver " + ResolverAddress + "\n")
	if !slices.ContainsFunc(options, func(o string) bool { return strings.HasPrefix(o, "ndots:") }) {
		options = append(slices.Clone(options), "ndots:0")
	}
	out.WriteString("options " + strings.Join(options, " ") + "\n")
	return []byte(out.String())
}

// inherit keeps the host's lines except name servers that a container cannot reach.
func inherit(host []byte) []byte {
	var out bytes.Buffer
	servers := 0
	for line := range bytes.Lines(host) {
		fields := strings.Fields(string(line))
		if len(fields) > 1 && fields[0] == "nameserver" {
			if !reachable(fields[1]) {
				continue
			}
			servers++
		}
		out.Write(bytes.TrimRight(line, "\r\n"))
		out.WriteByte('\n')
	}
	if servers == 0 {
		out.WriteString(publicServers)
	}
	return out.Bytes()
}

func reachable(server string) bool {
	a, err := netip.ParseAddr(server)
	return err == nil && a.Unmap().Is4() && !a.Unmap().IsLoopback()
}

// values returns the rest of every line that starts with keyword (resolv.conf(5)).
func values(conf []byte, keyword string) []string {
	var found []string
	for line := range bytes.Lines(conf) {
		fields := strings.Fields(string(line))
		if len(fields) > 1 && fields[0] == keyword {
			found = append(found, strings.Join(fields[1:], " "))
		}
	}
	return found
}

// last returns the words of the last line, which is the one in force.
func last(lines []string) []string {
	if len(lines) == 0 {
		return nil
	}
	return strings.Fields(lines[len(lines)-1])
}
