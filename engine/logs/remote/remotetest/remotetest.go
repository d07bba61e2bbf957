// Package remotetest helps to test drivers that send lines away, with a container, its lines, and servers.
package remotetest

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"box/engine/logs/driver"
)

// ID is the test container's ID.
var ID = strings.Repeat("0123456789abcdef", 4)

// Noon is when test lines are printed.
var Noon = time.Date(2026, 1, 2, 12, 0, 0, 123456789, time.UTC)

// Config returns the configuration of a container with options, each as key=value.
func Config(options ...string) driver.Config {
	c := driver.Config{
		Options: map[string]string{}, Tag: "tag", Attrs: map[string]string{"a-b": "1"},
		ID: ID, Name: "name", ImageID: "sha256:1", ImageName: "image", Command: "sh -c", Created: Noon,
	}
	for _, o := range options {
		key, v, _ := strings.Cut(o, "=")
		c.Options[key] = v
	}
	return c
}

// Must ends the test if err is one.
func Must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Open opens a driver with a configuration, by the driver's own function.
func Open[D driver.Driver](t testing.TB, open func(driver.Config) (D, error), c driver.Config) D {
	t.Helper()
	d, err := open(c)
	Must(t, err)
	return d
}

// Line makes a whole line.
func Line(s driver.Stream, text string) *driver.Line {
	return &driver.Line{Stream: s, Time: Noon, Text: []byte(text)}
}

// Log passes lines to a driver.
func Log(t testing.TB, d driver.Driver, lines ...*driver.Line) {
	t.Helper()
	for _, l := range lines {
		if err := d.Log(context.Background(), l); err != nil {
			t.Fatalf("line %.40q: %v", l.Text, err)
		}
	}
}

// TwoLines passes a driver a line on each stream and an empty one, and closes it.
func TwoLines(t testing.TB, d driver.Driver) {
	t.Helper()
	Log(t, d, Line(driver.Stdout, "out <1>"), Line(driver.Stdout, ""), Line(driver.Stderr, "err"))
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}

// Listen starts a server that is closed when the test ends.
func Listen(t testing.TB, network, address string) net.Listener {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// Accept accepts one connection of l and sends all that it receives.
func Accept(t testing.TB, l net.Listener) <-chan string {
	got := make(chan string, 1)
	go func() {
		defer close(got)
		c, err := l.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		raw, err := io.ReadAll(c)
		if err != nil {
			t.Error(err)
		}
		got <- string(raw)
	}()
	return got
}
