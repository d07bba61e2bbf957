package certs

import (
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
)

// LocalHosts returns the names of this host: its host name, localhost, and the addresses that other hosts can reach.
func LocalHosts() []string {
	var out []string
	if name, err := os.Hostname(); err == nil && CheckHost(name) == nil {
		out = append(out, name)
	}
	out = append(out, "localhost", "127.0.0.1", "::1")
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return out
	}
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() {
			out = append(out, n.IP.String())
		}
	}
	return unique(out)
}

// unique removes duplicates.
func unique(in []string) (out []string) {
	for _, s := range in {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// CheckHost refuses names that cannot be in a certificate. It accepts addresses and host names, which may start with *.
func CheckHost(host string) error {
	if net.ParseIP(host) != nil {
		return nil
	}
	for label := range strings.SplitSeq(strings.TrimPrefix(host, "*."), ".") {
		if label == "" || len(label) > 63 ||
			strings.Trim(label, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" {
			return fmt.Errorf("%q is neither an address nor a host name", host)
		}
	}
	return nil
}

// CheckName refuses names of clients that cannot be the name of a folder.
func CheckName(name string) error {
	if len(name) > 64 || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "-") || name == "" ||
		strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.@") != "" {
		return fmt.Errorf("%q cannot be a client's name: up to 64 letters, digits and -_.@, the first a letter or digit",
			name)
	}
	return nil
}
