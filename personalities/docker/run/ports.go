package run

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/moby/moby/api/types/network"
)

// portSpecs parses the values of --publish: [IP:][HOST[-HOST]:]CONTAINER[-CONTAINER][/PROTO], or
// target=80,published=8080,protocol=tcp. It returns the ports to expose and to bind.
func portSpecs(specs []string) (network.PortSet, network.PortMap, error) {
	exposed, bound := network.PortSet{}, network.PortMap{}
	for _, spec := range specs {
		if strings.Contains(spec, "=") {
			short, err := shortPort(spec)
			if err != nil {
				return nil, nil, err
			}
			spec = short
		}
		if err := addPort(spec, exposed, bound); err != nil {
			return nil, nil, err
		}
	}
	return exposed, bound, nil
}

// shortPort converts the long form to the short one.
func shortPort(spec string) (string, error) {
	var target, published, protocol string
	protocol = "tcp"
	for field := range strings.SplitSeq(spec, ",") {
		key, value, ok := strings.Cut(field, "=")
		if !ok || value == "" {
			return "", fmt.Errorf("invalid field: %s", field)
		}
		switch strings.ToLower(key) {
		case "target":
			target = value
		case "published":
			published = value
		case "protocol":
			protocol = value
		case "mode":
			if value != "host" && value != "ingress" {
				return "", fmt.Errorf("invalid publish mode: %s", value)
			}
		default:
			return "", fmt.Errorf("invalid field key: %s", key)
		}
	}
	if target == "" {
		return "", fmt.Errorf("missing mandatory field 'target' in '%s'", spec)
	}
	return published + ":" + target + "/" + protocol, nil
}

func addPort(spec string, exposed network.PortSet, bound network.PortMap) error {
	host, hostPort, containerPort := splitPort(spec)
	containerPort, proto, hasProto := strings.Cut(containerPort, "/")
	if !hasProto {
		proto = "tcp"
	}
	proto = strings.ToLower(proto)
	if containerPort == "" {
		return fmt.Errorf("no port specified: %s<empty>", spec)
	}
	if proto != "tcp" && proto != "udp" && proto != "sctp" {
		return fmt.Errorf("invalid proto: %s", proto)
	}
	addr, err := hostAddress(host)
	if err != nil {
		return err
	}
	from, to, err := portRange(containerPort)
	if err != nil {
		return fmt.Errorf("invalid containerPort: %s", containerPort)
	}
	hostFrom, hostTo := 0, 0
	if hostPort != "" {
		if hostFrom, hostTo, err = portRange(hostPort); err != nil {
			return fmt.Errorf("invalid hostPort: %s", hostPort)
		}
		// one container port may be bound to any of a range of host ports
		if hostTo-hostFrom != to-from && from != to {
			return fmt.Errorf("invalid ranges specified for container and host Ports: %s and %s", containerPort,
				hostPort)
		}
	}
	for i := range to - from + 1 {
		port, _ := network.PortFrom(uint16(from+i), network.IPProtocol(proto))
		published := ""
		switch {
		case hostPort == "":
		case from == to && hostFrom != hostTo:
			published = hostPort
		default:
			published = strconv.Itoa(hostFrom + i)
		}
		exposed[port] = struct{}{}
		bound[port] = append(bound[port], network.PortBinding{HostIP: addr, HostPort: published})
	}
	return nil
}

// splitPort splits at the last two colons, since the address may be IPv6.
func splitPort(spec string) (host, hostPort, containerPort string) {
	i := strings.LastIndexByte(spec, ':')
	if i < 0 {
		return "", "", spec
	}
	rest := spec[:i]
	if j := strings.LastIndexByte(rest, ':'); j >= 0 {
		return rest[:j], rest[j+1:], spec[i+1:]
	}
	return "", rest, spec[i+1:]
}

func hostAddress(host string) (netip.Addr, error) {
	if host == "" {
		return netip.Addr{}, nil
	}
	addr, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"))
	if err != nil {
		return netip.Addr{}, fmt.Errorf("invalid IP address: %s", host)
	}
	return addr, nil
}

func portRange(text string) (from, to int, err error) {
	low, high, isRange := strings.Cut(text, "-")
	first, err := strconv.ParseUint(low, 10, 16)
	last := first
	if err == nil && isRange {
		last, err = strconv.ParseUint(high, 10, 16)
	}
	if err == nil && last < first {
		err = fmt.Errorf("invalid range %s", text)
	}
	return int(first), int(last), err
}

// exposePorts adds the values of --expose: PORT[-PORT][/PROTO].
func exposePorts(specs []string, exposed network.PortSet) error {
	for _, spec := range specs {
		ports, proto, ok := strings.Cut(spec, "/")
		if !ok {
			proto = "tcp"
		}
		from, to, err := portRange(ports)
		if strings.Contains(spec, ":") || err != nil {
			return fmt.Errorf("invalid port format for --expose: %s", spec)
		}
		for n := from; n <= to; n++ {
			port, ok := network.PortFrom(uint16(n), network.IPProtocol(strings.ToLower(proto)))
			if !ok {
				return fmt.Errorf("invalid port format for --expose: %s", spec)
			}
			exposed[port] = struct{}{}
		}
	}
	return nil
}
