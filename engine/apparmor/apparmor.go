// Package apparmor loads the profile that confines containers without a profile of their own, if the kernel enforces
// AppArmor.
package apparmor

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Default is the profile of containers that name none, Unconfined that of privileged ones.
const (
	Default    = "docker-default"
	Unconfined = "unconfined"
)

// parserLimit limits how long the host's parser may take.
const parserLimit = 30 * time.Second

// Host is the host with AppArmor. The zero Host is this machine.
type Host struct {
	Root   string // before /sys and /etc
	Parser string // program that loads profiles: apparmor_parser, where the host has it
}

// Enabled tells whether the kernel enforces profiles.
func (h Host) Enabled() bool {
	raw, _ := os.ReadFile(h.path("sys/module/apparmor/parameters/enabled"))
	return strings.HasPrefix(string(raw), "Y")
}

// Loaded tells whether the kernel has the profile. An error means that this is not known.
func (h Host) Loaded(profile string) (bool, error) {
	raw, err := os.ReadFile(h.path("sys/kernel/security/apparmor/profiles"))
	if err != nil {
		return false, fmt.Errorf("list of AppArmor profiles: %w", err)
	}
	for line := range strings.Lines(string(raw)) {
		if name, _, ok := strings.Cut(line, " ("); ok && name == profile {
			return true, nil
		}
	}
	return false, nil
}

// Ensure loads Default if AppArmor is enforced and Default is not loaded. If that fails, containers without a profile
// of their own cannot be confined.
func (h Host) Ensure(ctx context.Context) error {
	if !h.Enabled() {
		return nil
	}
	loaded, err := h.Loaded(Default)
	if err != nil || loaded {
		return err
	}
	parser, err := h.parser()
	if err != nil {
		return fmt.Errorf("load AppArmor profile %s: %w", Default, err)
	}
	ctx, cancel := context.WithTimeout(ctx, parserLimit)
	defer cancel()
	load := exec.CommandContext(ctx, parser, "-Kr") // from the standard input, without a cache
	load.Stdin = strings.NewReader(h.profile())
	if said, err := load.CombinedOutput(); err != nil {
		return fmt.Errorf("load AppArmor profile %s by %s: %w: %s", Default, parser, err, bytes.TrimSpace(said))
	}
	return nil
}

// Loadable returns why no profile can be loaded, or nil.
func (h Host) Loadable() error {
	_, err := h.parser()
	return err
}

// parser finds the parser, also outside of the daemon's PATH.
func (h Host) parser() (path string, err error) {
	name := h.Parser
	if name == "" {
		name = "apparmor_parser"
	}
	for _, try := range []string{name, "/usr/sbin/" + name, "/sbin/" + name} {
		if path, err = exec.LookPath(try); err == nil {
			return path, nil
		}
	}
	return "", err
}

func (h Host) path(name string) string { return filepath.Join("/", h.Root, name) }
