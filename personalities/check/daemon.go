package check

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/containerd/errdefs"

	"box/certs"
	"box/engine/state"
	"box/fs/drivers"
	"box/netapi/client"
)

// soon is how long before its end a certificate is reported.
const soon = 14 * 24 * time.Hour

// certificates checks the certificates for remote access, if there are any.
func certificates(h host) (found []finding) {
	for _, name := range []string{certs.CAFile, certs.ServerFile, certs.ClientFile} {
		raw, err := os.ReadFile(filepath.Join(h.certs, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		path := filepath.Join(h.certs, name)
		var list []*x509.Certificate
		if err == nil {
			list, err = certs.ParseCertificates(raw)
		}
		if err == nil && len(list) == 0 {
			err = errors.New("it contains no certificate")
		}
		if err != nil {
			found = append(found, finding{worse, fmt.Sprintf("%s: %v", path, err),
				"the daemon does not start with --tlsverify, or no client can connect",
				"box certs show " + path})
			continue
		}
		for _, c := range list {
			found = append(found, h.certificate(path, c))
		}
	}
	return found
}

func (h host) certificate(path string, c *x509.Certificate) finding {
	const refused = "clients and daemon do not trust each other"
	left := c.NotAfter.Sub(h.now)
	switch {
	case h.now.Before(c.NotBefore):
		return finding{worse, fmt.Sprintf("%s is valid from %s on", path, c.NotBefore.UTC().Format(time.DateOnly)), refused,
			"set the clock, which says " + h.now.UTC().Format(time.DateOnly)}
	case left < 0:
		return finding{worse, fmt.Sprintf("%s ended %s", path, c.NotAfter.UTC().Format(time.DateOnly)), refused,
			"box certs renew"}
	case left < soon:
		return finding{worse, fmt.Sprintf("%s ends in %d days", path, int(left.Hours()/24)), "then " + refused,
			"box certs renew"}
	}
	return ok("%s is valid for %d days", path, int(left.Hours()/24))
}

// stateFile checks the pages of the state file without locking it, since a daemon may use it.
func stateFile(h host) []finding {
	path := filepath.Join(h.dataRoot, "box.db")
	_, err := state.Look(path)
	switch {
	case err == nil:
		return []finding{ok("state %s is intact", path)}
	case strings.Contains(err.Error(), "timeout"):
		return []finding{ok("state %s is in use by a running daemon, which has checked it", path)}
	case !errdefs.IsNotFound(err):
		return []finding{{fatal, fmt.Sprintf("state %s: %v", path, err), "the daemon starts from its copy, or not at all",
			"start the daemon; if it refuses: box dockerd --recover"}}
	}
	for _, name := range append([]string{"containers", "content"}, drivers.Names()...) {
		if entries, err := os.ReadDir(filepath.Join(h.dataRoot, name)); err == nil && len(entries) > 0 {
			return []finding{{fatal, fmt.Sprintf("state %s is missing, but %s exists", path, filepath.Join(h.dataRoot, name)),
				"the daemon refuses to start",
				"box dockerd --recover"}}
		}
	}
	return nil // nothing was ever kept here
}

// daemonPatience is how long to wait for the daemon's answer.
const daemonPatience = 5 * time.Second

// daemon asks a running daemon for its state.
func daemon(h host) []finding {
	if _, err := os.Lstat(h.socket); errors.Is(err, fs.ErrNotExist) {
		return []finding{ok("no daemon listens on %s", h.socket)}
	}
	ctx, cancel := context.WithTimeout(context.Background(), daemonPatience)
	defer cancel()
	c, err := client.New(client.Options{Host: "unix://" + h.socket, UserAgent: "box-check"})
	if err != nil {
		return []finding{{worse, err.Error(), "the daemon was not asked", "give --socket PATH"}}
	}
	defer c.Close()
	raw, err := c.Info(ctx)
	var info struct {
		ServerVersion, DockerRootDir  string
		Containers, ContainersRunning int
		Warnings                      []string
	}
	if err == nil {
		err = json.Unmarshal(raw, &info)
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return []finding{{fatal, fmt.Sprintf("the daemon at %s does not answer within %s", h.socket, daemonPatience),
			"no client gets an answer",
			"see its log, then kill and restart it: containers keep running"}}
	case err != nil:
		return []finding{{worse, fmt.Sprintf("there is a socket at %s, but %v", h.socket, err), "no client gets an answer",
			"start it: box dockerd --detach"}}
	}
	found := []finding{ok("daemon %s at %s: %d containers, %d of them running", info.ServerVersion, h.socket,
		info.Containers,
		info.ContainersRunning)}
	if info.DockerRootDir != h.dataRoot {
		found = append(found, finding{worse, "the daemon keeps its data in " + info.DockerRootDir,
			"the lines above are for " + h.dataRoot,
			"run this again with --data-root " + info.DockerRootDir})
	}
	for _, w := range info.Warnings {
		first, _, _ := strings.Cut(strings.TrimPrefix(w, "WARNING: "), "\n")
		found = append(found, finding{worse, first, "the daemon reports it", "see docker info"})
	}
	return found
}
