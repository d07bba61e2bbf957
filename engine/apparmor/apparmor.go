// Package apparmor sees to the profile that confines containers that name none, where the kernel's AppArmor is in
// force.
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

// Default is the profile of containers that name none, and Unconfined that of privileged ones.
const (
	Default    = "docker-default"
	Unconfined = "unconfined"
)

// parserLimit is how long the host's parser may take.
const parserLimit = 30 * time.Second

// Host is where AppArmor is looked for. The zero Host is this machine.
type Host struct {
	Root   string // before /sys and /etc
	Parser string // program that loads profiles: apparmor_parser, where the host has it
}

// Enabled tells whether the kernel confines programs by profiles.
func (h Host) Enabled() bool {
	raw, _ := os.ReadFile(h.path("sys/module/apparmor/parameters/enabled"))
	return strings.HasPrefix(string(raw), "Y")
}

// Loaded tells whether the kernel has that profile. An error means that it cannot be told.
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

// Ensure loads Default where AppArmor is in force and it is not loaded. After an error containers that name no
// profile cannot be confined by one.
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

// Loadable tells by an error why no profile can be loaded.
func (h Host) Loadable() error {
	_, err := h.parser()
	return err
}

// parser finds the program, also where a daemon's PATH does not lead.
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
