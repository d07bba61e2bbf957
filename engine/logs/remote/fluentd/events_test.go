package fluentd

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"strings"
	"testing"
	"time"

	"box/engine/logs/driver"
	"box/engine/logs/remote/remotetest"
)

// TestOptions checks which options are accepted, and Docker's errors for others.
func TestOptions(t *testing.T) {
	const renewal = "invalid value for fluentd-async-reconnect-interval: "
	for _, row := range []struct{ option, want string }{
		{"", ""},
		{"fluentd-address=", ""},
		{"fluentd-address=h", ""},
		{"fluentd-address=h:1", ""},
		{"fluentd-address=[::1]:1", ""},
		{"fluentd-address=tcp://h", ""},
		{"fluentd-address=unix:///run/fluentd.sock", ""},
		{"fluentd-address=h:port", `invalid fluentd-address h:port: strconv.Atoi: parsing "port": invalid syntax`},
		{"fluentd-address=a:1:2", "invalid fluentd-address a:1:2: address a:1:2: too many colons in address"},
		{"fluentd-async=true", ""},
		{"fluentd-async=perhaps", `strconv.ParseBool: parsing "perhaps": invalid syntax`},
		{"fluentd-async=true fluentd-async-connect=true",
			"conflicting options: cannot specify both 'fluentd-async' and 'fluentd-async-connect"},
		{"fluentd-buffer-limit=8m", ""},
		{"fluentd-buffer-limit=much", `invalid size: 'much'`},
		{"fluentd-retry-wait=1s", ""},
		{"fluentd-retry-wait=1", `time: missing unit in duration "1"`},
		{"fluentd-max-retries=-1", `strconv.ParseUint: parsing "-1": invalid syntax`},
		{"fluentd-max-retries=18446744073709551615", ""},
		{"fluentd-async-reconnect-interval=0", ""},
		{"fluentd-async-reconnect-interval=100ms", ""},
		{"fluentd-async-reconnect-interval=10s", ""},
		{"fluentd-async-reconnect-interval=99ms", renewal + `value ("99ms") must be between 100ms and 10s`},
		{"fluentd-async-reconnect-interval=11s", renewal + `value ("11s") must be between 100ms and 10s`},
		{"fluentd-async-reconnect-interval=x", renewal + `time: invalid duration "x"`},
		{"fluentd-request-ack=1", ""},
		{"fluentd-sub-second-precision=2", `strconv.ParseBool: parsing "2": invalid syntax`},
	} {
		err := Check(remotetest.Config(strings.Fields(row.option)...).Options)
		if err == nil && row.want != "" || err != nil && err.Error() != row.want {
			t.Errorf("%s: %v; want %q", row.option, err, row.want)
		}
	}
	c, err := parse(nil)
	if err != nil || c.network != "tcp" || c.address != "127.0.0.1:24224" || c.retries != math.MaxInt32 ||
		c.wait != time.Second {
		t.Errorf("by default %+v, %v", c, err)
	}
	for text, want := range map[string]string{
		"h": "tcp h:24224", "h:1": "tcp h:1", "tcp://h:2": "tcp h:2", "unix:///run/s": "unix /run/s",
	} {
		if network, address, err := parseAddress(text); network+" "+address != want || err != nil {
			t.Errorf("%s leads to %s %s, %v", text, network, address, err)
		}
	}
}

// decode reads one MessagePack value of the types in events, and returns the rest.
func decode(t *testing.T, b []byte) (v any, rest []byte) {
	t.Helper()
	text := func(head, n int) (any, []byte) { return string(b[head : head+n]), b[head+n:] }
	switch c := b[0]; {
	case c>>4 == 8:
		return pairs(t, b[1:], int(c&15))
	case c == 0xde:
		return pairs(t, b[3:], int(binary.BigEndian.Uint16(b[1:])))
	case c>>4 == 9:
		list := make([]any, c&15)
		rest = b[1:]
		for i := range list {
			list[i], rest = decode(t, rest)
		}
		return list, rest
	case c>>5 == 5:
		return text(1, int(c&31))
	case c == 0xd9:
		return text(2, int(b[1]))
	case c == 0xda:
		return text(3, int(binary.BigEndian.Uint16(b[1:])))
	case c == 0xdb:
		return text(5, int(binary.BigEndian.Uint32(b[1:])))
	case c == 0xd3:
		return time.Unix(int64(binary.BigEndian.Uint64(b[1:])), 0).UTC(), b[9:]
	case c == 0xd7 && b[1] == 0:
		return time.Unix(int64(binary.BigEndian.Uint32(b[2:])), int64(binary.BigEndian.Uint32(b[6:]))).UTC(), b[10:]
	}
	t.Fatalf("%#x is no type of these messages", b[0])
	return nil, nil
}

func pairs(t *testing.T, b []byte, n int) (m map[string]any, rest []byte) {
	m = map[string]any{}
	for range n {
		var key, v any
		key, b = decode(t, b)
		v, b = decode(t, b)
		m[key.(string)] = v
	}
	if len(m) != n {
		t.Errorf("a map of %d has %d keys", n, len(m))
	}
	return m, b
}

// TestEvents checks that events of all lengths decode to what was meant, down to their last byte.
func TestEvents(t *testing.T) {
	for _, size := range []int{0, 1, 31, 32, 255, 256, 65535, 65536, 100000} {
		for _, labels := range []int{0, 12, 13, 14, 15, 16, 300} {
			c := remotetest.Config("fluentd-request-ack=true")
			c.Tag, c.Attrs = strings.Repeat("t", size%300), map[string]string{}
			for i := range labels {
				c.Attrs[fmt.Sprint("label", i)] = strings.Repeat("v", i)
			}
			d, err := Open(c)
			remotetest.Must(t, err)
			f := d.(*sender)
			text := strings.Repeat("\xff", size) // invalid UTF-8 stays as it is
			event, rest := decode(t, f.appendEvent(nil, remotetest.Line(driver.Stderr, text)))
			want := map[string]any{"source": "stderr", "log": text, "container_id": c.ID, "container_name": "/name"}
			for k, v := range c.Attrs {
				want[k] = v
			}
			list := event.([]any)
			if len(rest) > 0 || len(list) != 4 || list[0] != c.Tag || list[1] != remotetest.Noon.Truncate(time.Second) ||
				!maps.Equal(list[2].(map[string]any), want) || list[3].(map[string]any)["chunk"] != f.chunk {
				t.Errorf("%d bytes and %d labels: %.300q, %d bytes are left", size, labels, list, len(rest))
			}
		}
	}
}

// TestEventTime checks that times have nanoseconds if the option says so.
func TestEventTime(t *testing.T) {
	for option, want := range map[string]time.Time{
		"false": remotetest.Noon.Truncate(time.Second), "true": remotetest.Noon,
	} {
		d, err := Open(remotetest.Config("fluentd-sub-second-precision=" + option))
		remotetest.Must(t, err)
		event, _ := decode(t, d.(*sender).appendEvent(nil, remotetest.Line(driver.Stdout, "x")))
		if list := event.([]any); list[1] != want || len(list) != 3 {
			t.Errorf("%s: %v", option, list)
		}
	}
}

// TestLabelsOfFields checks that a label replaces a field of the same name, which occurs once, except fields for
// parts.
func TestLabelsOfFields(t *testing.T) {
	c := remotetest.Config()
	c.Attrs = map[string]string{"container_id": "mine", "log": "mine", "source": "mine", "partial_id": "mine",
		"partial_last": "mine"}
	d, err := Open(c)
	remotetest.Must(t, err)
	for _, part := range []int{0, 1} {
		line := remotetest.Line(driver.Stdout, "x")
		line.Part, line.ID, line.Last = part, "id", true
		event, rest := decode(t, d.(*sender).appendEvent(nil, line)) // fails on duplicate keys
		want := map[string]any{"container_name": "/name"}
		for k, v := range c.Attrs {
			want[k] = v
		}
		if part > 0 {
			maps.Copy(want, map[string]any{
				"partial_message": "true", "partial_id": "id", "partial_ordinal": "1", "partial_last": "true",
			})
		}
		if fields := event.([]any)[2].(map[string]any); len(rest) > 0 || !maps.Equal(fields, want) {
			t.Errorf("part %d: %v, %d bytes are left", part, fields, len(rest))
		}
	}
}
