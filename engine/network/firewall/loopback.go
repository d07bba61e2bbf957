package firewall

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

func localnet(bridge string) string { return "net/ipv4/conf/" + bridge + "/route_localnet" }

// openLoopback lets ports that are published on 127.0.0.1 be rewritten on their way out by the bridge. The rules that
// keep strangers off 127/8 must be in force.
func openLoopback(bridge string) error { return setLoopback(bridge, "1") }

// closeLoopback undoes openLoopback. It comes before the last rules go.
func closeLoopback(bridge string) error { return setLoopback(bridge, "0") }

func setLoopback(bridge, want string) error {
	now, err := os.ReadFile("/proc/sys/" + localnet(bridge))
	if err == nil && strings.TrimSpace(string(now)) == want || want == "0" && errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err := os.WriteFile("/proc/sys/"+localnet(bridge), []byte(want), 0o644); err != nil {
		return fmt.Errorf("setting route_localnet of %s to %s: %w", bridge, want, err)
	}
	return nil
}

// settingWait bounds how long one daemon waits for another that changes what both use.
const settingWait = 2 * time.Second

// lockSetting keeps other daemons from changing the setting of a bridge between the look at its tables and the
// change. It waits no longer than settingWait.
func lockSetting(bridge string) (unlock func()) {
	f, err := os.Open("/proc/sys/" + localnet(bridge))
	if err != nil {
		return func() {}
	}
	for end := time.Now().Add(settingWait); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); !errors.Is(err, unix.EWOULDBLOCK) {
			break
		}
	}
	return func() { f.Close() }
}
