package fluentd

import (
	"fmt"
	"strings"
	"testing"

	"box/engine/logs/driver"
	"box/engine/logs/remote/remotetest"
)

func TestFluentd(t *testing.T) {
	s := remotetest.Listen(t, "tcp", "127.0.0.1:0")
	got := remotetest.Accept(t, s)
	l := remotetest.Open(t, Open, remotetest.Config("fluentd-address="+s.Addr().String(),
		"fluentd-sub-second-precision=true"))
	partID := strings.Repeat("p", 64)
	for i, text := range []string{strings.Repeat("x", driver.MaxLine), ""} {
		part := remotetest.Line(driver.Stderr, text)
		part.Part, part.Last, part.ID = i+1, i == 1, partID
		remotetest.Log(t, l, part)
	}
	remotetest.Must(t, l.Close())
	id := "\xd9\x40" + remotetest.ID
	head := "\x93\xa3tag\xd7\x00\x69\x57\xb3\x40\x07\x5b\xcd\x15\x89\xa6source\xa6stderr\xa3log"
	rest := "\xa3a-b\xa11\xaccontainer_id" + id +
		"\xaecontainer_name\xa5/name\xafpartial_message\xa4true\xaapartial_id\xd9\x40"
	text := <-got
	want := head + "\xda\x40\x00" + strings.Repeat("x", driver.MaxLine) + rest + partID +
		"\xafpartial_ordinal\xa11\xacpartial_last\xa5false" +
		head + "\xa0" + rest + partID + "\xafpartial_ordinal\xa12\xacpartial_last\xa4true"
	if text != want {
		t.Errorf("got %q\nwant %q", strings.ReplaceAll(text, "xxxx", ""), strings.ReplaceAll(want, "xxxx", ""))
	}
}

// TestFluentdAck checks that a message without an answer, or with another message's, is resent.
func TestFluentdAck(t *testing.T) {
	s := remotetest.Listen(t, "tcp", "127.0.0.1:0")
	seen := make(chan string, 9)
	go func() {
		for i := range 3 {
			c, err := s.Accept()
			if err != nil {
				return
			}
			b := make([]byte, 4096)
			n, _ := c.Read(b)
			seen <- string(b[:n])
			chunk := string(b[n-24 : n])
			switch i {
			case 0: // no answer
			case 1:
				fmt.Fprint(c, "\x81\xa3ack\xb8", strings.Repeat("A", 24))
			case 2:
				fmt.Fprint(c, "\x81\xa3ack\xb8", chunk)
				_, _ = c.Read(b)
			}
			c.Close()
		}
	}()
	l := remotetest.Open(t, Open, remotetest.Config("fluentd-address="+s.Addr().String(), "fluentd-request-ack=1",
		"fluentd-retry-wait=1ms"))
	remotetest.Log(t, l, remotetest.Line(driver.Stdout, "once"))
	remotetest.Must(t, l.Close())
	first := <-seen
	for range 2 {
		if again := <-seen; again != first || !strings.Contains(again, "once") {
			t.Errorf("sent %q, then %q", first, again)
		}
	}
}
