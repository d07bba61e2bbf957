package session

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"box/certs"
	"box/netapi/client"
)

// advice is what a user can do about one kind of error. testdata/errors.txt shows all of them as they are printed.
type advice struct {
	kind string                       // for the reader of this table
	is   func(error) bool             // by class where there is one, else by the words that every daemon has used
	say  func(*Session, error) string // "" for nothing to say after all
	hint bool                         // only for somebody at a terminal: scripts read what Docker prints
}

// advices returns the table; the first row that applies and has something to say is used.
func advices() []advice {
	return []advice{
		{"the certificate, or TLS where there is none", anyError, explainTLS, false},
		{"nobody may use the socket", isConnect(unix.EACCES, unix.EPERM),
			always("Join the group that owns the socket, or run as root"), false},
		{"nobody answers", isConnect(), unreachable, false},
		{"an address that is none", containsAll("invalid bind address format"),
			always("Use an address such as unix:///PATH, tcp://HOST:PORT or ssh://USER@HOST"), false},
		{"a password in an address", containsAll("plain-text password is not supported"),
			always("Use a key instead: ssh-copy-id USER@HOST"), false},
		{"ssh", containsAll("exit status 255", "system dial-stdio"), sshFailed, false},
		{"no docker at the other end of ssh", containsAll("system dial-stdio", "exit status 127"),
			always("The remote host needs docker in its PATH, which may be a link to box"), false},
		{"no daemon at the other end of ssh", containsAll("system dial-stdio", "exit status"),
			always("The remote host needs a running daemon, and a user who may use its socket"), false},

		{"load of what is a root file system", containsAll("neither manifest.json nor index.json"),
			always("If it contains the files of a container: docker import FILE NAME"), false},
		{"load of nothing", containsAll("requested load from stdin, but stdin is empty"),
			always("Name the archive: docker load -i FILE, or a folder of archives"), false},
		{"load of what is no archive", containsAll("read archive"),
			always("Is it a complete archive of docker save? Check with: tar tf FILE"), false},
		{"a folder without archives", containsAll("the folder contains no archives of images"),
			always("If it contains the files of a container: docker import FOLDER NAME"), false},
		{"import of what is no archive", containsAll("read layer"),
			always("Is it a complete tar? Check with: tar tf FILE"), false},
		{"import of a dynamic program", containsAll("is linked dynamically"),
			always("Put the program and its libraries into a folder: docker import FOLDER NAME"), false},

		{"a registry that speaks plain HTTP", containsAll("server gave HTTP response to HTTPS client"),
			always("To trust that registry without TLS: box dockerd --insecure-registry HOST"), false},
		{"a registry's certificate", containsAll("x509:"),
			always("Put the certificate of its authority into /etc/docker/certs.d/HOST/ca.crt on the daemon's host"), false},
		{"a registry that this host does not reach", isOffline, offline, false},
		{"a registry that wants a login", containsAny("unauthorized", "authentication required", "no basic auth credentials",
			"access to the resource is denied"),
			always("Log in first: docker login REGISTRY"), true},
		{"an image that a registry does not have", containsAny("manifest unknown", "not found: manifest"),
			always("Is the tag right? See what is here: docker images"), true},

		{"a full disk", isFull,
			always("See what takes space: docker system df. Free unused space: docker system prune"), false},
		{"a context that is not there", containsAll("context not found"), always("See all: docker context ls"), false},

		{"a port that is taken", containsAll("port is already allocated"),
			always("See who has it: docker ps --filter publish=PORT"), true},
		{"a port that another program has", containsAll("address already in use"),
			always("Choose another: -p PORT:PORT"), true},
		{"a name that is taken", containsAll("is already in use by container"),
			always("Remove the old one: docker rm -f NAME, or run with --rm"), true},
		{"no such container", containsAll("No such container"), always("See all: docker ps -a"), true},
		{"no such image", containsAll("No such image"),
			always("See all: docker images. Get one: docker pull, docker load -i FILE"), true},
		{"no such volume", containsAll("no such volume"), always("See all: docker volume ls"), true},
		{"no such network", isMissingNetwork, always("See all: docker network ls"), true},
		{"no such object", containsAll("No such object"),
			always("See: docker ps -a, docker images, docker volume ls, docker network ls"), true},
		{"a container that runs", containsAny("stop the container before", "Stop the container before"),
			always("Stop and remove it: docker rm -f NAME"), true},
		{"a container that does not run", containsAll("is not running"),
			always("Start it: docker start NAME. See why it stopped: docker logs NAME"), true},
		{"a container that is paused", containsAll("is paused"), always("Resume it: docker unpause NAME"), true},
		{"an image in use", containsAny("is using its referenced image", "image is being used by"),
			always("See who uses it: docker ps -a --filter ancestor=IMAGE. Remove only the name: docker rmi -f IMAGE"),
			true},
		{"a volume in use", containsAll("volume is in use"),
			always("See who uses it: docker ps -a --filter volume=NAME"), true},
		{"a program that is not there", containsAll("executable file not found"),
			always("Look into the image: docker run --rm -it IMAGE sh"), true},
	}
}

// Advise appends to an error what to do about it, if the table knows.
func (s *Session) Advise(err error) error {
	for _, a := range advices() {
		if a.hint && !s.hints() || !a.is(err) {
			continue
		}
		if text := a.say(s, err); text != "" {
			return fmt.Errorf("%w\n%s", err, text)
		}
	}
	return err
}

// hints tells whether to print hints: as DOCKER_CLI_HINTS says, or else if standard error is a terminal.
func (s *Session) hints() bool {
	switch strings.ToLower(s.Env.Getenv("DOCKER_CLI_HINTS")) {
	case "":
		_, ok := Terminal(s.Err)
		return ok
	case "0", "f", "false":
		return false
	}
	return true
}

func anyError(error) bool { return true }

func always(text string) func(*Session, error) string {
	return func(*Session, error) string { return text }
}

// containsAll matches errors whose text contains all of the parts.
func containsAll(words ...string) func(error) bool {
	return func(err error) bool {
		for _, w := range words {
			if !strings.Contains(err.Error(), w) {
				return false
			}
		}
		return true
	}
}

// containsAny matches errors whose text contains one of the parts.
func containsAny(words ...string) func(error) bool {
	return func(err error) bool {
		for _, w := range words {
			if strings.Contains(err.Error(), w) {
				return true
			}
		}
		return false
	}
}

// isConnect matches errors of connecting to the daemon, of the given causes only if there are any.
func isConnect(causes ...unix.Errno) func(error) bool {
	return func(err error) bool {
		var c *client.ConnectError
		if !errors.As(err, &c) {
			return false
		}
		for _, cause := range causes {
			if errors.Is(c.Err, cause) {
				return true
			}
		}
		return len(causes) == 0
	}
}

func isMissingNetwork(err error) bool {
	return containsAll("network", "not found")(err) || containsAll("No such network")(err)
}

// isFull matches the error of a full disk, unless the daemon's message already says what to do.
func isFull(err error) bool {
	return containsAll("no space left on device")(err) && !containsAll("prune")(err)
}

// explainTLS explains what is wrong with a certificate, or that the port expects TLS.
func explainTLS(s *Session, err error) string {
	if s.API == nil {
		return ""
	}
	var answer *client.Error
	if errors.As(err, &answer) && !strings.Contains(answer.Message, "HTTP request to an HTTPS server") {
		return "" // what a daemon says of certificates is about a registry's
	}
	text := certs.Explain(err, s.API.Host(), time.Now())
	if text == "" && strings.Contains(err.Error(), "Client sent an HTTP request to an HTTPS server") {
		text = "the daemon speaks TLS there: --tlsverify (or DOCKER_TLS_VERIFY=1), with ca.pem, cert.pem and key.pem in " +
			s.Flags.Config + " or in DOCKER_CERT_PATH"
	}
	return text
}

// unreachable says how to start the daemon here, or what to check for one on another host.
func unreachable(_ *Session, err error) string {
	var c *client.ConnectError
	if !errors.As(err, &c) {
		return ""
	}
	address, remote := strings.CutPrefix(c.Host, "tcp://")
	if !remote {
		return "To start one: box dockerd --detach"
	}
	host, port, splitErr := net.SplitHostPort(address)
	if splitErr != nil {
		return ""
	}
	var name *net.DNSError
	var late net.Error
	ip := net.ParseIP(host)
	switch {
	case errors.As(c.Err, &name):
		return fmt.Sprintf("The name %s cannot be resolved: check /etc/hosts and /etc/resolv.conf, or use the address",
			host)
	case host == "localhost" || ip != nil && ip.IsLoopback():
		return "To start one: box dockerd --detach -H " + c.Host
	case errors.As(c.Err, &late) && late.Timeout():
		return fmt.Sprintf("No answer from %s: is that host up, and is port %s open in firewalls?", host,
			port)
	case errors.Is(c.Err, unix.EHOSTUNREACH) || errors.Is(c.Err, unix.ENETUNREACH):
		return fmt.Sprintf("This host has no route to %s: check its addresses and routes", host)
	}
	return fmt.Sprintf("That host is up, but no daemon listens on port %s. On %s: box dockerd -H tcp://0.0.0.0:%s (see "+
		"box certs init)",
		port, host, port)
}

// sshFailed names the ssh command to try, for an ssh that did not reach the daemon.
func sshFailed(s *Session, _ error) string {
	host, _, err := s.Resolve()
	if err != nil {
		return ""
	}
	h, err := sshHost(host)
	if err != nil {
		return ""
	}
	words := []string{"ssh"}
	if h.Port != "" {
		words = append(words, "-p", h.Port)
	}
	if h.User != "" {
		words = append(words, "-l", h.User)
	}
	return "Make ssh itself work first: " + strings.Join(append(words, h.Name, "true"), " ")
}

// isOffline matches errors of a daemon that could not reach a registry.
func isOffline(err error) bool {
	var c *client.ConnectError
	if errors.As(err, &c) || containsAll("load -i")(err) {
		return false
	}
	registry := containsAny("/v2/", "registry")(err)
	return registry && containsAny("no such host", "network is unreachable", "connection refused", "i/o timeout",
		"no route to host", "server misbehaving", "Temporary failure in name resolution", "Client.Timeout exceeded")(err)
}

// maxNamed is how many local images offline names.
const maxNamed = 5

// offline says how to load images without a registry, and which are there already.
func offline(s *Session, _ error) string {
	text := "Without the registry: docker save IMAGE -o FILE on a host that reaches it, then docker load -i FILE here"
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	list, err := s.API.ImageList(ctx, false, false, nil)
	if err != nil {
		return text
	}
	var names []string
	for _, i := range list {
		names = append(names, i.RepoTags...)
	}
	switch {
	case len(names) == 0:
		return text + "\nThere are no local images yet"
	case len(names) > maxNamed:
		return fmt.Sprintf("%s\nLocal images: %s and %d more", text, strings.Join(names[:maxNamed], ", "),
			len(names)-maxNamed)
	}
	return text + "\nLocal images: " + strings.Join(names, ", ")
}
