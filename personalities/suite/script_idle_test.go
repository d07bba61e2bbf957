package suite

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// pingWithin is how soon a ping is to be answered, whatever others do.
const pingWithin = 100 * time.Millisecond

// idleConnections is the command `idle-connections ADDRESS IDLE SLOW`: it opens so many connections that say nothing
// and so many that send a byte of a request's head now and then, and pings by a connection of its own, new ones each
// time: the slowest of 20 pings is to be answered in time. Where ADDRESS begins with tls:// they do not even shake
// hands.
func idleConnections(s *testscript.TestScript, _ bool, args []string) {
	if len(args) != 3 {
		s.Fatalf("usage: idle-connections address idle slow")
	}
	address, secure := strings.CutPrefix(args[0], "tls://")
	idle, errIdle := strconv.Atoi(args[1])
	slow, errSlow := strconv.Atoi(args[2])
	if errIdle != nil || errSlow != nil {
		s.Fatalf("idle-connections: %v %v", errIdle, errSlow)
	}
	var open []net.Conn
	defer func() {
		for _, c := range open {
			c.Close()
		}
	}()
	for range idle + slow {
		c, err := net.Dial("tcp", address)
		s.Check(err)
		open = append(open, c)
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for i := 0; ; i++ {
			for _, c := range open[:slow] {
				_, _ = c.Write([]byte{"GET /_ping HTTP/1.1\r\nHost: x\r\nX: "[i%36]}) // the daemon may hang up on them
			}
			select {
			case <-stop:
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	}()
	worst := slowestPing(s, address, secure)
	close(stop)
	<-stopped
	s.Logf("slowest ping beside %d idle and %d slow: %s", idle, slow, worst)
	if worst > pingWithin {
		s.Fatalf("a ping took %s", worst)
	}
}

func slowestPing(s *testscript.TestScript, address string, secure bool) (worst time.Duration) {
	transport := &http.Transport{DisableKeepAlives: true}
	url := "http://" + address + "/_ping"
	if secure {
		pair, err := tls.LoadX509KeyPair(s.MkAbs("certs/cert.pem"), s.MkAbs("certs/key.pem"))
		s.Check(err)
		transport.TLSClientConfig = &tls.Config{Certificates: []tls.Certificate{pair}, InsecureSkipVerify: true}
		url = "https://" + address + "/_ping"
	}
	client := &http.Client{Transport: transport}
	for i := range 21 {
		start := time.Now()
		res, err := client.Get(url)
		s.Check(err)
		_, err = io.Copy(io.Discard, res.Body)
		s.Check(err)
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			s.Fatalf("%s", fmt.Sprint(res.Status))
		}
		if i > 0 { // the first one stands in the queue behind the crowd
			worst = max(worst, time.Since(start))
		}
	}
	return worst
}
