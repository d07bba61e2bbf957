package ssh

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/crypto/ssh/knownhosts"
)

// Host is the host to connect to, and the command that connects to its daemon.
type Host struct {
	User, Name, Port string   // User and Port may be empty
	Command          []string // words of the command, quoted for a shell
}

// Client connects to one host. All connections share one SSH connection.
type Client struct {
	host   Host
	getenv func(string) string

	mu   sync.Mutex
	conn *ssh.Client // nil before the first connection
}

// New makes a client. It does not connect.
func New(h Host, getenv func(string) string) *Client { return &Client{host: h, getenv: getenv} }

// connectWait limits the time to connect and to exchange keys.
const connectWait = 30 * time.Second

// Dial runs the command on the host, and returns its input and output as a connection.
func (c *Client) Dial(ctx context.Context) (net.Conn, error) {
	client, err := c.connect(ctx)
	if err != nil {
		return nil, err
	}
	return openSession(client, strings.Join(c.host.Command, " "))
}

// connect returns the SSH connection, which is made on first use.
func (c *Client) connect(ctx context.Context) (*ssh.Client, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != nil {
		return c.conn, nil
	}
	home := c.getenv("HOME")
	cfg, err := readConfig(filepath.Join(home, ".ssh", "config"), home, c.host.Name)
	if err != nil {
		return nil, err
	}
	address := net.JoinHostPort(first(cfg.host, c.host.Name), first(c.host.Port, cfg.port, "22"))
	known, algorithms, err := knownKeys(cfg, home, address)
	if err != nil {
		return nil, err
	}
	keys := &keyring{}
	defer keys.close()
	methods, err := keys.open(cfg, home, c.getenv("SSH_AUTH_SOCK"))
	if err != nil {
		return nil, err
	}
	settings := &ssh.ClientConfig{
		User: first(c.host.User, cfg.user, c.getenv("USER"), c.getenv("LOGNAME"), "root"), Auth: methods,
		HostKeyCallback: known, HostKeyAlgorithms: algorithms,
	}
	d := net.Dialer{Timeout: connectWait}
	raw, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	_ = raw.SetDeadline(time.Now().Add(connectWait))
	conn, channels, requests, err := ssh.NewClientConn(raw, address, settings)
	if err != nil {
		raw.Close()
		return nil, keys.explain(settings.User, address, err)
	}
	_ = raw.SetDeadline(time.Time{})
	c.conn = ssh.NewClient(conn, channels, requests)
	return c.conn, nil
}

func first(words ...string) string {
	for _, w := range words {
		if w != "" {
			return w
		}
	}
	return ""
}

// knownKeys returns the check of a host's key, and the algorithms of the keys that are known, so that the host presents
// one of them.
func knownKeys(cfg *config, home, address string) (ssh.HostKeyCallback, []string, error) {
	files := cfg.knownHosts
	if files == nil {
		files = []string{filepath.Join(home, ".ssh", "known_hosts"), filepath.Join(home, ".ssh", "known_hosts2")}
	}
	var there []string
	for _, f := range append(files, "/etc/ssh/ssh_known_hosts") {
		if _, err := os.Stat(f); err == nil {
			there = append(there, f)
		}
	}
	check, err := knownhosts.New(there...)
	if err != nil {
		return nil, nil, fmt.Errorf("known hosts: %w", err)
	}
	judge := func(name string, remote net.Addr, key ssh.PublicKey) error {
		err := check(name, remote, key)
		var e *knownhosts.KeyError
		switch {
		case !errors.As(err, &e):
			return err
		case len(e.Want) > 0:
			return fmt.Errorf("the key of %s differs from %s, line %d: it is %s %s. Somebody may intercept the connection; if "+
				"the host was reinstalled, remove that line",
				name, e.Want[0].Filename, e.Want[0].Line, key.Type(), ssh.FingerprintSHA256(key))
		}
		return fmt.Errorf("%s is not in %s. Its key is %s; compare that with the host's, then add this line:\n%s",
			name, files[0], ssh.FingerprintSHA256(key), knownhosts.Line([]string{knownhosts.Normalize(name)}, key))
	}
	return judge, algorithmsOf(check, address), nil
}

// algorithmsOf returns the algorithms of the known keys of a host, or nil if there are none.
func algorithmsOf(check ssh.HostKeyCallback, address string) (list []string) {
	var e *knownhosts.KeyError
	if !errors.As(check(address, &net.TCPAddr{IP: net.IPv4zero}, noKey{}), &e) {
		return nil
	}
	for _, k := range e.Want {
		if k.Key.Type() == ssh.KeyAlgoRSA {
			list = append(list, ssh.KeyAlgoRSASHA256, ssh.KeyAlgoRSASHA512)
			continue
		}
		list = append(list, k.Key.Type())
	}
	return list
}

// noKey is a key that matches none.
type noKey struct{}

func (noKey) Type() string                        { return "none" }
func (noKey) Marshal() []byte                     { return []byte("none") }
func (noKey) Verify([]byte, *ssh.Signature) error { return errors.New("no key") }

// keyring is the keys of a user.
type keyring struct {
	agent   net.Conn
	skipped []string // keys that could not be used, with reasons
	tried   int
}

// open reads the keys in the configuration, or else the default ones, and connects to the agent.
func (k *keyring) open(cfg *config, home, socket string) ([]ssh.AuthMethod, error) {
	files := cfg.identities
	if files == nil {
		for _, name := range []string{"id_ed25519", "id_ecdsa", "id_rsa"} {
			files = append(files, filepath.Join(home, ".ssh", name))
		}
	}
	var signers []ssh.Signer
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		var locked *ssh.PassphraseMissingError
		s, err := parseKey(raw, err)
		if errors.As(err, &locked) {
			err = errors.New("it has a passphrase: load it into an agent")
		}
		if err != nil {
			k.skipped = append(k.skipped, fmt.Sprintf("%s: %v", f, err))
			continue
		}
		signers = append(signers, s)
	}
	k.tried = len(signers)
	if socket != "" {
		if c, err := net.DialTimeout("unix", socket, connectWait); err == nil {
			k.agent = c
			_ = c.SetDeadline(time.Now().Add(2 * connectWait))
		} else {
			k.skipped = append(k.skipped, fmt.Sprintf("agent: %v", err))
		}
	}
	// one method, because a server that has refused one is not asked for another of the same kind
	return []ssh.AuthMethod{ssh.PublicKeysCallback(func() ([]ssh.Signer, error) {
		if k.agent == nil {
			return signers, nil
		}
		more, err := agent.NewClient(k.agent).Signers()
		if err != nil {
			k.skipped = append(k.skipped, fmt.Sprintf("agent: %v", err))
		}
		k.tried += len(more)
		return append(signers, more...), nil
	})}, nil
}

func parseKey(raw []byte, err error) (ssh.Signer, error) {
	if err != nil {
		return nil, err
	}
	return ssh.ParsePrivateKey(raw)
}

func (k *keyring) close() {
	if k.agent != nil {
		k.agent.Close()
	}
}

// explain adds to an error of authentication what was tried.
func (k *keyring) explain(user, address string, err error) error {
	if !strings.Contains(err.Error(), "unable to authenticate") {
		return fmt.Errorf("ssh to %s: %w", address, err)
	}
	text := fmt.Sprintf("%s refused %s with all of %d keys", address, user, k.tried)
	for _, s := range k.skipped {
		text += "\nnot used: " + s
	}
	return fmt.Errorf("%s: %w", text, err)
}
