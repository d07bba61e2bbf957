package remote

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
)

// Transports are the schemes that Docker accepts in an address.
var Transports = []string{"tcp", "tcp+tls", "udp", "unix", "unixgram"}

// ParseTransport parses proto://address. The error for anything else names the option.
func ParseTransport(option, text string) (*url.URL, error) {
	scheme, _, ok := strings.Cut(text, "://")
	if !ok || !slices.Contains(Transports, scheme) {
		return nil, fmt.Errorf("%s should be in form proto://address, got %v", option, text)
	}
	return url.Parse(text)
}

// WithPort adds a default port to a host without one.
func WithPort(host, port string) (string, error) {
	_, _, err := net.SplitHostPort(host)
	if err == nil {
		return host, nil
	}
	if !strings.Contains(err.Error(), "missing port in address") {
		return "", err
	}
	return host + ":" + port, nil
}
