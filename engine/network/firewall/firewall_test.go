package firewall

import (
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"
)

// alone runs f in a network namespace of its own, which ends with its thread.
func alone(t *testing.T, f func()) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("making network namespaces needs root")
	}
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		err := unix.Unshare(unix.CLONE_NEWNET)
		if err == nil {
			f()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Skipf("no network namespaces here: %v", err)
	}
}

// tables returns the names of box's tables.
func tables(t *testing.T) (names []string) {
	t.Helper()
	c, err := nftables.New()
	if err != nil {
		t.Error(err)
		return nil
	}
	list, err := c.ListTables()
	if err != nil {
		t.Error(err)
	}
	for _, table := range list {
		if strings.HasPrefix(table.Name, tablePrefix) {
			names = append(names, table.Name)
		}
	}
	return names
}

// TestTwoDaemons checks that each has its own table on one bridge, finds it again, removes only that, and is told
// that the other is there.
func TestTwoDaemons(t *testing.T) {
	alone(t, func() {
		b := bridge("lo")
		var all []*Firewall
		for _, mark := range []string{"box of /run/a", "box of /run/b"} {
			f := New(mark, false, func(sentence string) { t.Error(sentence) })
			defer f.Close()
			if err := f.Install(b, published()); err != nil {
				t.Error(err)
			}
			all = append(all, f)
		}
		for range 2 { // doing it again changes nothing
			if err := all[1].Install(b, published()); err != nil {
				t.Error(err)
			}
		}
		if names := tables(t); len(names) != 2 || names[0] != "box-lo" || !strings.HasPrefix(names[1], "box-lo/") {
			t.Errorf("tables %q", names)
		}
		if shared, err := all[0].Retire("lo"); !shared || err != nil || len(tables(t)) != 1 {
			t.Errorf("the first goes: shared %v, %v; tables %q", shared, err, tables(t))
		}
		if shared, err := all[1].Retire("lo"); shared || err != nil || len(tables(t)) != 0 {
			t.Errorf("the second goes: shared %v, %v; tables %q", shared, err, tables(t))
		}
	})
}

// TestPublish checks that ports come and go. A port that leads elsewhere, or a table that somebody removed, gives
// ErrChanged. Taking back an unknown port is no error.
func TestPublish(t *testing.T) {
	alone(t, func() {
		f := New("box of /run/a", false, func(sentence string) { t.Error(sentence) })
		defer f.Close()
		ports, elsewhere := published(), published()
		for i := range elsewhere {
			elsewhere[i].To = netip.MustParseAddrPort("172.30.0.3:80")
		}
		if err := f.Install(bridge("lo"), nil); err != nil {
			t.Error(err)
		}
		for range 2 {
			if err := f.Publish("lo", ports); err != nil {
				t.Error(err)
			}
			if err := f.Publish("lo", elsewhere); !isChanged(err) {
				t.Errorf("the same port of another container: %v", err)
			}
			for range 2 {
				if err := f.Unpublish("lo", ports); err != nil {
					t.Error(err)
				}
			}
		}
		if _, err := f.Retire("lo"); err != nil {
			t.Error(err)
		}
		if err := f.Publish("lo", ports); !isChanged(err) {
			t.Errorf("without a table: %v", err)
		}
		if err := f.Unpublish("lo", ports); err != nil {
			t.Error(err)
		}
	})
}

// TestWithoutTables checks that a kernel without nf_tables opens nothing of the bridge to 127/8, gives a warning of
// what is missing, and is no error.
func TestWithoutTables(t *testing.T) {
	alone(t, func() {
		said := 0
		f := New("box of /run/a", false, func(string) { said++ })
		defer f.Close()
		f.rules.none = true
		if err := setLoopback("lo", "1"); err != nil {
			t.Error(err)
		}
		if shared, err := f.Retire("lo"); shared || err != nil {
			t.Errorf("shared %v, %v", shared, err)
		}
		raw, err := os.ReadFile("/proc/sys/" + localnet("lo"))
		if strings.TrimSpace(string(raw)) != "0" || err != nil {
			t.Errorf("route_localnet is %q, %v", raw, err)
		}
		if err := f.Publish("lo", published()); err != nil || !f.Missing() || len(tables(t)) > 0 {
			t.Errorf("%v, tables %q", err, tables(t))
		}
	})
}
