package logs

import (
	"context"
	"fmt"
	"net"
	"testing"

	"box/engine/logs/driver"
	"box/engine/logs/remote/remotetest"
)

// of returns the test container's configuration for a driver.
func of(name string, options ...string) driver.Config {
	c := remotetest.Config(options...)
	c.Driver = name
	return c
}

// TestCache checks that lines sent to a server can be read back, unless an option disables that.
func TestCache(t *testing.T) {
	u, err := net.ListenPacket("udp", "127.0.0.1:0")
	must(t, err)
	defer u.Close()
	c := of("syslog", "syslog-address=udp://"+u.LocalAddr().String(), "cache-max-size=1k", "cache-max-file=2",
		"cache-compress=false")
	files := Place("syslog", c.Options, t.TempDir(), "id")
	c.Path = files.Path
	l := open(t, c, Options{})
	for i := range 100 {
		l.Write(context.Background(), driver.Stdout, fmt.Appendf(nil, "line %d\n", i), noon)
	}
	l.Close(context.Background(), noon)
	kept := numbersOf(t, files, Query{Tail: -1})
	checkRun(t, "cache", kept, 99)
	if len(kept) > 60 {
		t.Errorf("%d lines in a cache of 2 kB", len(kept))
	}
	for driver, disabled := range map[string]string{"syslog": "true", "none": "", "odd": ""} {
		if p := Place(driver, map[string]string{"cache-disabled": disabled}, "d", "id"); p.Path != "" {
			t.Errorf("%s is read from %s", driver, p.Path)
		}
	}
}
