package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// Ports of Docker's API, without and with TLS.
const (
	plainPort  = "2375"
	securePort = "2376"
)

// nameLetters are the characters of host names.
const nameLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_"

// Host is a parsed -H.
type Host struct {
	Scheme  string // unix, tcp, fd
	Address string // path, host:port, or selection of descriptors
}

// parseHost parses one -H. The default scheme is tcp. The default host is 127.0.0.1, the default port Docker's.
func parseHost(text string, secure bool) (Host, error) {
	scheme, rest, ok := strings.Cut(strings.TrimSpace(text), "://")
	if !ok {
		scheme, rest = "tcp", scheme
	}
	switch scheme {
	case "unix":
		if rest == "" {
			rest = "/var/run/docker.sock"
		}
		return Host{scheme, rest}, nil
	case "fd":
		return Host{scheme, rest}, nil
	case "tcp":
		address, err := tcpAddress(rest, secure)
		if err != nil {
			return Host{}, fmt.Errorf("-H %s: %w", text, err)
		}
		return Host{scheme, address}, nil
	}
	return Host{}, fmt.Errorf("invalid bind address format: %s: use unix:///path, tcp://host:port or fd://", text)
}

func tcpAddress(rest string, secure bool) (string, error) {
	if strings.Contains(rest, "/") {
		return "", errors.New("tcp has no path: for a socket use unix:///path")
	}
	name, port := rest, ""
	// an address in brackets, or without a colon, has no port
	if i := strings.LastIndexByte(rest, ':'); i >= 0 && !strings.HasSuffix(rest, "]") {
		var err error
		if name, port, err = net.SplitHostPort(rest); err != nil {
			return "", err
		}
	}
	name = strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
	if name == "" {
		name = "127.0.0.1" // Docker's localhost, on hosts without /etc/hosts too
	}
	if _, err := netip.ParseAddr(name); err != nil && strings.Trim(name, nameLetters) != "" {
		return "", fmt.Errorf("%q is neither an address nor a host name", name)
	}
	switch n, err := strconv.ParseUint(port, 10, 16); {
	case port == "" && secure:
		port = securePort
	case port == "":
		port = plainPort
	case err != nil || n == 0:
		return "", fmt.Errorf("the port %q is not between 1 and 65535", port)
	}
	return net.JoinHostPort(name, port), nil
}
